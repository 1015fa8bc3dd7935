extension ReductionKernel {
    @inline(__always)
    private static func same<T: FixedWidthInteger & BitwiseCopyable & Sendable>(
        _ start: T, _ step: @escaping @Sendable (T, T) -> T, _ fold: @escaping @Sendable (T, T) -> T,
        _ finish: @escaping @Sendable (T, Int) -> T = { total, _ in total }
    ) -> Loop {
        { plan, source, target in
            let count = plan.reducedCount
            plan.run(source, target, start: start, total: start, step: step, fold: fold, finish: { finish($0, count) })
        }
    }

    /// Sums wrap; means and roots are cut to whole numbers.
    static func integerLoop<T: FixedWidthInteger & BitwiseCopyable & Sendable>(
        _ function: ReductionFunction, _ type: T.Type
    ) -> Loop? {
        let add: @Sendable (T, T) -> T = { $0 &+ $1 }
        let addSquare: @Sendable (T, T) -> T = { $0 &+ $1 &* $1 }
        let addMagnitude: @Sendable (T, T) -> T = { $0 &+ T(truncatingIfNeeded: $1.magnitude) }
        let multiply: @Sendable (T, T) -> T = { $0 &* $1 }
        let mean: @Sendable (T, Int) -> T = { $1 == 0 ? 0 : $0 / T(clamping: $1) }
        let root: @Sendable (T, Int) -> T = { total, _ in T(Double(total).squareRoot()) }
        return switch function {
        case .sum: same(0, add, add)
        case .mean: same(0, add, add, mean)
        case .product: same(1, multiply, multiply)
        case .sumOfMagnitudes: same(0, addMagnitude, add)
        case .sumOfSquares: same(0, addSquare, add)
        case .euclideanNorm: same(0, addSquare, add, root)
        case .maximum, .minimum: extremeLoop(function, type)
        case .logSum, .logSumExp: nil
        }
    }

    static func extremeLoop<T: FixedWidthInteger & BitwiseCopyable & Sendable>(
        _ function: ReductionFunction, _ type: T.Type
    ) -> Loop? {
        let larger: @Sendable (T, T) -> T = { (x: T, y: T) in x > y ? x : y }
        let smaller: @Sendable (T, T) -> T = { (x: T, y: T) in x < y ? x : y }
        return switch function {
        case .maximum: same(.min, larger, larger)
        case .minimum: same(.max, smaller, smaller)
        default: nil
        }
    }
}
