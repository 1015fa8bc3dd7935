import WinnowKernels
package import WinnowTensor

/// Σx and Σx² of every element over batches: of a weight's gradient, say.
package struct ElementMoments: Statistic {
    package static let needsPlaces = true

    /// Batches that came by.
    package private(set) var count = 0
    /// In storage order.
    package private(set) var sums: [Float] = []
    package private(set) var squares: [Float] = []

    package init() {}

    package mutating func add(_ values: UnsafeBufferPointer<Float>, shape: Shape) {
        if count == 0 {
            sums = [Float](repeating: 0, count: values.count)
            squares = sums
        }
        guard let source = values.baseAddress, sums.count == values.count else { return }
        sums.withUnsafeMutableBufferPointer { sums in
            squares.withUnsafeMutableBufferPointer { squares in
                guard let sums = sums.baseAddress, let squares = squares.baseAddress else { return }
                VectorArithmetic.addMoments(of: source, to: sums, squares, count: values.count)
            }
        }
        count += 1
    }

    package mutating func merge(_ other: ElementMoments) {
        guard count > 0 else { self = other; return }
        guard other.sums.count == sums.count else { return }
        count += other.count
        for index in sums.indices {
            sums[index] += other.sums[index]
            squares[index] += other.squares[index]
        }
    }

    package var isFinite: Bool { sums.allSatisfy(\.isFinite) }
    package var means: [Float] { sums.map { $0 / Float(max(1, count)) } }
    package var meanSquares: [Float] { squares.map { $0 / Float(max(1, count)) } }
}
