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
    private let keepsBatches: Bool
    /// Σ w·g of every channel, batch by batch, where they are kept.
    private var batches: [Double] = []

    /// - Parameters:
    ///   - channels: of each element; −1: none.
    ///   - keepsBatches: whether what each batch says is kept, to be added to what it says of other weights.
    package init(_ weight: [Float], _ channels: [Int32], count: Int, keepsBatches: Bool = false) {
        (self.weight, self.channels, self.keepsBatches) = (weight, channels, keepsBatches)
        squares = [Double](repeating: 0, count: count)
    }

    package mutating func add(_ values: UnsafeBufferPointer<Float>, shape: Shape) {
        guard values.count == weight.count else { return }
        var sums = [Double](repeating: 0, count: squares.count)
        for index in values.indices where channels[index] >= 0 {
            sums[Int(channels[index])] += Double(weight[index] * values[index])
        }
        for channel in sums.indices { squares[channel] += sums[channel] * sums[channel] }
        if keepsBatches { batches += sums }
        count += 1
    }

    package mutating func merge(_ other: GatedProducts) {
        guard other.squares.count == squares.count else { return }
        count += other.count
        batches += other.batches
        for channel in squares.indices { squares[channel] += other.squares[channel] }
    }

    package var isFinite: Bool { squares.allSatisfy(\.isFinite) }
    package var meanSquares: [Double] { squares.map { $0 / Double(max(1, count)) } }

    /// What one gate on a channel of all these weights does: the mean over batches of the square of the sum over weights; nil where
    /// batches were not kept of several, or not the same ones.
    package static func meanSquaresOfSums(_ weights: [GatedProducts]) -> [Double]? {
        guard let first = weights.first, weights.count > 1 else { return weights.first?.meanSquares }
        let width = first.squares.count
        guard first.count > 0, weights.allSatisfy({ $0.batches.count == first.count * width }) else { return nil }
        var squares = [Double](repeating: 0, count: width)
        for index in first.batches.indices {
            let sum = weights.reduce(0) { $0 + $1.batches[index] }
            squares[index % width] += sum * sum
        }
        return squares.map { $0 / Double(first.count) }
    }
}
