package import WinnowKernels
package import WinnowTensor

/// XᵀX of the rows that each of several matrices side by side is multiplied with, or one whose inputs lie along several axes of the data.
package struct ProductMoment: Statistic {
    package static let needsPlaces = true

    /// Of the data, counted from the end.
    private let (batch, inputs): ([Int], [Int])
    private let (groupCount, depth): (Int, Int)
    /// groups × depth × depth
    private var sum: [Float]
    package private(set) var rowCount = 0

    /// Larger sums of squares are not kept: 256 MB.
    private static let elementLimit = 1 << 26

    /// nil where the data of each matrix is not known, or its moments would take too much memory.
    package init?(_ axes: ProductAxes) {
        guard let data = axes.data, axes.batchCount * axes.depth * axes.depth <= Self.elementLimit else { return nil }
        (batch, inputs) = data
        (groupCount, depth) = (axes.batchCount, axes.depth)
        sum = [Float](repeating: 0, count: groupCount * depth * depth)
    }

    /// What tells it from others of the same value.
    package var key: String { "\(batch) \(inputs)" }
    package var byteCount: Int { 4 * sum.count }
    package var isFinite: Bool { sum.allSatisfy(\.isFinite) }

    /// For each matrix depth × depth.
    package var matrices: [Matrix<Float>] {
        (0..<groupCount).map { Matrix(Array(sum[($0 * depth * depth)..<(($0 + 1) * depth * depth)]), rows: depth, columns: depth) }
    }

    package mutating func add(_ values: UnsafeBufferPointer<Float>, shape: Shape) {
        let (front, back) = (batch.map { shape.rank + $0 }, inputs.map { shape.rank + $0 })
        let known = front + back
        guard known.allSatisfy({ shape.indices.contains($0) }), groupCount == front.reduce(1, { $0 * shape[$1] }),
            depth == back.reduce(1, { $0 * shape[$1] }), !values.isEmpty
        else { return }
        let rows = Tensor(Array(values), shape: shape).transposed(front + shape.indices.filter { !known.contains($0) } + back)
        let count = values.count / (groupCount * depth)
        var sum = self.sum
        self.sum = []
        rows.withElements(Float.self) { rows in
            guard let base = rows.baseAddress else { return }
            DenseProduct.addGram(of: base, groups: groupCount, depth: depth, count: count, isRowMajor: true, to: &sum)
        }
        self.sum = sum
        rowCount += count
    }

    package mutating func merge(_ other: ProductMoment) {
        guard other.sum.count == sum.count else { return }
        for index in sum.indices { sum[index] += other.sum[index] }
        rowCount += other.rowCount
    }
}
