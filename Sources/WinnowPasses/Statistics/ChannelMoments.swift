package import WinnowTensor

/// Σx and Σx² of every index of one axis: means, variances and norms of channels.
package struct ChannelMoments: Statistic {
    package static let needsPlaces = true

    private let axis: Int
    /// Numbers that came by for each index.
    package private(set) var count = 0
    package private(set) var sums: [Double] = []
    package private(set) var squares: [Double] = []

    /// - Parameter axis: of the value; negative ones count from the end.
    package init(axis: Int) { self.axis = axis }

    package mutating func add(_ values: UnsafeBufferPointer<Float>, shape: Shape) {
        let axis = axis < 0 ? axis + shape.rank : axis
        guard shape.indices.contains(axis), shape[axis] > 0 else { return }
        let (extent, inner) = (shape[axis], shape.dropFirst(axis + 1).reduce(1, *))
        if sums.isEmpty { (sums, squares) = ([Double](repeating: 0, count: extent), [Double](repeating: 0, count: extent)) }
        guard sums.count == extent else { return }
        for start in stride(from: 0, to: values.count, by: inner) {
            let channel = start / inner % extent
            var (sum, square) = (0.0, 0.0)
            for value in values[start..<(start + inner)] {
                sum += Double(value)
                square += Double(value) * Double(value)
            }
            sums[channel] += sum
            squares[channel] += square
        }
        count += values.count / extent
    }

    package mutating func merge(_ other: ChannelMoments) {
        guard !sums.isEmpty else { self = other; return }
        guard other.sums.count == sums.count else { return }
        count += other.count
        for index in sums.indices {
            sums[index] += other.sums[index]
            squares[index] += other.squares[index]
        }
    }

    package var isFinite: Bool { sums.allSatisfy(\.isFinite) }
    package var means: [Double] { sums.map { $0 / Double(max(1, count)) } }
    /// √Σx² of every index.
    package var norms: [Double] { squares.map { $0.squareRoot() } }
}
