import WinnowKernels
package import WinnowTensor

/// Σx² over everything that came by.
package struct SquareSum: Statistic {
    package static let needsPlaces = false

    /// Batches and numbers that came by.
    package private(set) var batchCount = 0
    package private(set) var count = 0
    /// Infinite or NaN where a number was.
    package private(set) var sum = 0.0

    package init() {}

    package mutating func add(_ values: UnsafeBufferPointer<Float>, shape: Shape) {
        if let base = values.baseAddress { sum += VectorArithmetic.sumOfSquares(base, count: values.count) }
        batchCount += 1
        count += values.count
    }

    package mutating func merge(_ other: SquareSum) {
        batchCount += other.batchCount
        count += other.count
        sum += other.sum
    }
}
