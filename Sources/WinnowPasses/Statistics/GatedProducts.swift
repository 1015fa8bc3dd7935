package import WinnowTensor

/// Σ over batches of (Σ w·g)², the inner sum over the elements of each channel: what a gate on a channel of a weight w does to
/// the loss, g the gradient of w.
package struct GatedProducts: Statistic {
    package static let needsPlaces = true

    private let weight: [Float]
    private let channels: [Int32]
    /// Batches that came by.
    private var count = 0
    private var squares: [Double]

    /// - Parameter channels: of each element; −1: none.
    package init(_ weight: [Float], _ channels: [Int32], count: Int) {
        (self.weight, self.channels) = (weight, channels)
        squares = [Double](repeating: 0, count: count)
    }

    package mutating func add(_ values: UnsafeBufferPointer<Float>, shape: Shape) {
        guard values.count == weight.count else { return }
        var sums = [Double](repeating: 0, count: squares.count)
        for index in values.indices where channels[index] >= 0 {
            sums[Int(channels[index])] += Double(weight[index] * values[index])
        }
        for channel in sums.indices { squares[channel] += sums[channel] * sums[channel] }
        count += 1
    }

    package mutating func merge(_ other: GatedProducts) {
        guard other.squares.count == squares.count else { return }
        count += other.count
        for channel in squares.indices { squares[channel] += other.squares[channel] }
    }

    package var isFinite: Bool { squares.allSatisfy(\.isFinite) }
    package var meanSquares: [Double] { squares.map { $0 / Double(max(1, count)) } }
}
