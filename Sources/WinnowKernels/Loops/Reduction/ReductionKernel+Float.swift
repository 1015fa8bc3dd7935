internal import Foundation

/// Sums: float32 lanes, float64 totals.
private protocol FloatSum: ReductionStep where Element == Storage.Stored, Result == Storage.Stored, Part == Float, Total == Double {
    associatedtype Storage: FloatStorage
    static func term(_ x: Float) -> Float
    static func result(_ total: Double, _ count: Int) -> Double
}

extension FloatSum {
    @inline(__always) static var start: Float { 0 }
    @inline(__always) static var total: Double { 0 }
    @inline(__always) static func step(_ part: Float, _ element: Storage.Stored) -> Float { part + term(Storage.read(element)) }
    @inline(__always) static func fold(_ total: Double, _ part: Float) -> Double { total + Double(part) }
    @inline(__always) static func finish(_ total: Double, _ count: Int) -> Storage.Stored { Storage.write(Float(result(total, count))) }
    @inline(__always) static func term(_ x: Float) -> Float { x }
    @inline(__always) static func result(_ total: Double, _ count: Int) -> Double { total }
}

private enum Sum<Storage: FloatStorage>: FloatSum {}

private enum Mean<Storage: FloatStorage>: FloatSum {
    @inline(__always) static func result(_ total: Double, _ count: Int) -> Double { total / Double(count) }
}

private enum SumOfMagnitudes<Storage: FloatStorage>: FloatSum {
    @inline(__always) static func term(_ x: Float) -> Float { Rounding.magnitude(x) }
}

private enum SumOfSquares<Storage: FloatStorage>: FloatSum {
    @inline(__always) static func term(_ x: Float) -> Float { x * x }
}

private enum EuclideanNorm<Storage: FloatStorage>: FloatSum {
    @inline(__always) static func term(_ x: Float) -> Float { x * x }
    @inline(__always) static func result(_ total: Double, _ count: Int) -> Double { total.squareRoot() }
}

private enum LogSum<Storage: FloatStorage>: FloatSum {
    static func result(_ total: Double, _ count: Int) -> Double { log(total) }
}

/// Reductions whose lanes and totals have one type and one operation.
private protocol FloatFold: ReductionStep where Element == Storage.Stored, Result == Storage.Stored, Part == Float, Total == Float {
    associatedtype Storage: FloatStorage
    static func combine(_ x: Float, _ y: Float) -> Float
}

extension FloatFold {
    @inline(__always) static var total: Float { start }
    @inline(__always) static func step(_ part: Float, _ element: Storage.Stored) -> Float { combine(Storage.read(element), part) }
    @inline(__always) static func fold(_ total: Float, _ part: Float) -> Float { combine(total, part) }
    @inline(__always) static func finish(_ total: Float, _ count: Int) -> Storage.Stored { Storage.write(total) }
}

private enum Product<Storage: FloatStorage>: FloatFold {
    @inline(__always) static var start: Float { 1 }
    @inline(__always) static func combine(_ x: Float, _ y: Float) -> Float { x * y }
}

/// NaN wins.
private enum Maximum<Storage: FloatStorage>: FloatFold {
    @inline(__always) static var start: Float { -.infinity }
    @inline(__always) static func combine(_ x: Float, _ y: Float) -> Float { x > y || x != x ? x : y }
}

private enum Minimum<Storage: FloatStorage>: FloatFold {
    @inline(__always) static var start: Float { .infinity }
    @inline(__always) static func combine(_ x: Float, _ y: Float) -> Float { x < y || x != x ? x : y }
}

extension ReductionKernel {
    static func floatLoop<Storage: FloatStorage & SendableMetatype>(_ function: ReductionFunction, _ storage: Storage.Type) -> Loop {
        switch function {
        case .sum: { $0.run(Sum<Storage>.self, $1, $2) }
        case .mean: { $0.run(Mean<Storage>.self, $1, $2) }
        case .sumOfMagnitudes: { $0.run(SumOfMagnitudes<Storage>.self, $1, $2) }
        case .sumOfSquares: { $0.run(SumOfSquares<Storage>.self, $1, $2) }
        case .euclideanNorm: { $0.run(EuclideanNorm<Storage>.self, $1, $2) }
        case .logSum: { $0.run(LogSum<Storage>.self, $1, $2) }
        case .product: { $0.run(Product<Storage>.self, $1, $2) }
        case .maximum: { $0.run(Maximum<Storage>.self, $1, $2) }
        case .minimum: { $0.run(Minimum<Storage>.self, $1, $2) }
        case .logSumExp:
            { $0.logSumExp($1, $2, read: { (x: Storage.Stored) in Double(Storage.read(x)) }, write: { Storage.write(Float($0)) }) }
        }
    }
}

extension ReductionPlan {
    /// log Σ e^x as m + log Σ e^(x − m) with the largest m, one output at a time.
    func logSumExp<In: BitwiseCopyable, Out: BitwiseCopyable>(
        _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, read: (In) -> Double, write: (Double) -> Out
    ) {
        let x = source.assumingMemoryBound(to: In.self)
        let y = target.assumingMemoryBound(to: Out.self)
        groups.forEach(0..<groups.count) { offsets in
            for column in 0..<width {
                let from = x + offsets[1] + column
                var largest = -Double.infinity
                forEachReduced { largest = Swift.max(largest, read(from[$0])) }
                let shift = largest.isFinite ? largest : 0
                var total = 0.0
                forEachReduced { total += exp(read(from[$0]) - shift) }
                y[offsets[0] + column] = write(log(total) + shift)
            }
        }
    }

    /// Calls `body` with the offset of every element that goes into one output.
    private func forEachReduced(_ body: (Int) -> Void) {
        guard reducedCount > 0 else { return }
        panels.forEach(0..<panels.count) { panel in
            for row in 0..<rowCount { body(panel[0] + row * rowStride) }
        }
    }
}
