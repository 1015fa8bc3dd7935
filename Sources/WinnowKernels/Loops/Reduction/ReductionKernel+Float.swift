internal import Foundation

extension ReductionKernel {
    @inline(__always)
    private static func sum<In: BitwiseCopyable & Sendable>(
        _ step: @escaping @Sendable (Float, In) -> Float, _ finish: @escaping @Sendable (Double, Int) -> In
    ) -> Loop {
        { plan, source, target in
            let count = plan.reducedCount
            plan.run(
                source, target, start: Float(0), total: Double(0), step: step, fold: { $0 + Double($1) },
                finish: { finish($0, count) })
        }
    }

    @inline(__always)
    static func floatLoop<In: BitwiseCopyable & Sendable>(
        _ function: ReductionFunction, _ type: In.Type, read: @escaping @Sendable (In) -> Float,
        write: @escaping @Sendable (Float) -> In
    ) -> Loop {
        switch function {
        case .sum: return sum({ $0 + read($1) }, { total, _ in write(Float(total)) })
        case .mean: return sum({ $0 + read($1) }, { write(Float($0 / Double($1))) })
        case .sumOfMagnitudes: return sum({ $0 + Elementary.magnitude(read($1)) }, { total, _ in write(Float(total)) })
        case .sumOfSquares: return sum({ $0 + read($1) * read($1) }, { total, _ in write(Float(total)) })
        case .euclideanNorm: return sum({ $0 + read($1) * read($1) }, { total, _ in write(Float(total.squareRoot())) })
        case .logSum: return sum({ $0 + read($1) }, { total, _ in write(Float(log(total))) })
        case .product:
            return { plan, source, target in
                plan.run(
                    source, target, start: Float(1), total: Float(1), step: { (part: Float, x: In) in part * read(x) },
                    fold: { $0 * $1 }, finish: { write($0) })
            }
        case .maximum:
            return { plan, source, target in
                plan.run(
                    source, target, start: -Float.infinity, total: -Float.infinity,
                    step: { (part: Float, x: In) in larger(read(x), part) }, fold: { larger($0, $1) }, finish: { write($0) })
            }
        case .minimum:
            return { plan, source, target in
                plan.run(
                    source, target, start: Float.infinity, total: Float.infinity,
                    step: { (part: Float, x: In) in smaller(read(x), part) }, fold: { smaller($0, $1) },
                    finish: { write($0) })
            }
        case .logSumExp:
            return { plan, source, target in
                logSumExp(plan, source, target, read: { Double(read($0)) }, write: { write(Float($0)) })
            }
        }
    }

    /// The larger, or NaN if either is.
    @inline(__always)
    private static func larger<T: BinaryFloatingPoint>(_ x: T, _ y: T) -> T { x > y || x != x ? x : y }

    @inline(__always)
    private static func smaller<T: BinaryFloatingPoint>(_ x: T, _ y: T) -> T { x < y || x != x ? x : y }

    @inline(__always)
    private static func double(
        _ start: Double, _ step: @escaping @Sendable (Double, Double) -> Double,
        _ fold: @escaping @Sendable (Double, Double) -> Double,
        _ finish: @escaping @Sendable (Double, Int) -> Double = { total, _ in total }
    ) -> Loop {
        { plan, source, target in
            let count = plan.reducedCount
            plan.run(source, target, start: start, total: start, step: step, fold: fold, finish: { finish($0, count) })
        }
    }

    static func doubleLoop(_ function: ReductionFunction) -> Loop {
        switch function {
        case .sum: double(0, { $0 + $1 }, { $0 + $1 })
        case .mean: double(0, { $0 + $1 }, { $0 + $1 }, { $0 / Double($1) })
        case .sumOfMagnitudes: double(0, { $0 + $1.magnitude }, { $0 + $1 })
        case .sumOfSquares: double(0, { $0 + $1 * $1 }, { $0 + $1 })
        case .euclideanNorm: double(0, { $0 + $1 * $1 }, { $0 + $1 }, { total, _ in total.squareRoot() })
        case .logSum: double(0, { $0 + $1 }, { $0 + $1 }, { total, _ in log(total) })
        case .product: double(1, { $0 * $1 }, { $0 * $1 })
        case .maximum: double(-.infinity, { larger($1, $0) }, { larger($0, $1) })
        case .minimum: double(.infinity, { smaller($1, $0) }, { smaller($0, $1) })
        case .logSumExp: { logSumExp($0, $1, $2, read: { (x: Double) in x }, write: { $0 }) }
        }
    }

    /// log Σ e^x as m + log Σ e^(x − m) with the largest m, one output at a time.
    @inline(__always)
    private static func logSumExp<In: BitwiseCopyable, Out: BitwiseCopyable>(
        _ plan: ReductionPlan, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, read: (In) -> Double,
        write: (Double) -> Out
    ) {
        let x = source.assumingMemoryBound(to: In.self)
        let y = target.assumingMemoryBound(to: Out.self)
        plan.groups.forEach(0..<plan.groups.count) { offsets in
            for column in 0..<plan.width {
                let from = x + offsets[1] + column
                var largest = -Double.infinity
                var total = 0.0
                if plan.reducedCount > 0 {
                    plan.panels.forEach(0..<plan.panels.count) { panel in
                        for row in 0..<plan.rowCount { largest = larger(read(from[panel[0] + row * plan.rowStride]), largest) }
                    }
                    let shift = largest.isFinite ? largest : 0
                    plan.panels.forEach(0..<plan.panels.count) { panel in
                        for row in 0..<plan.rowCount { total += exp(read(from[panel[0] + row * plan.rowStride]) - shift) }
                    }
                    total = log(total) + shift
                } else {
                    total = -.infinity
                }
                y[offsets[0] + column] = write(total)
            }
        }
    }
}
