import WinnowKernels
package import WinnowTensor

/// XᵀX and Σx of the rows that a layer multiplies its weight with, for each group of its inputs: how inputs go together.
package struct GramMatrix: Statistic {
    package static let needsPlaces = true

    /// Of an image: neighbours tell little more.
    static let placeLimit = 2048

    private let contraction: Contraction
    /// Of the rows; all of them where there are groups.
    private let columns: Range<Int>
    /// groups × depth × depth
    package private(set) var sum: [Float]
    /// groups × depth
    package private(set) var rowSum: [Double]
    package private(set) var rowCount = 0

    package var groupCount: Int { contraction.groupCount }
    package var depth: Int { columns.count }

    /// - Parameter columns: of a layer without groups; nil: all.
    package init(_ contraction: Contraction, columns: Range<Int>? = nil) {
        self.contraction = contraction
        let columns = contraction.groupCount == 1 ? columns ?? 0..<contraction.depth : 0..<contraction.depth
        self.columns = columns
        sum = [Float](repeating: 0, count: contraction.groupCount * columns.count * columns.count)
        rowSum = [Double](repeating: 0, count: contraction.groupCount * columns.count)
    }

    package var isFinite: Bool { rowSum.allSatisfy(\.isFinite) }

    package mutating func add(_ values: UnsafeBufferPointer<Float>, shape: Shape) {
        var (sum, rowSum, count) = (self.sum, self.rowSum, rowCount)
        self.sum = []
        contraction.forEachRows(of: values, shape: shape, placeLimit: Self.placeLimit) { block in
            if columns.count == contraction.depth {
                add(block, to: &sum, &rowSum)
            } else if block.isRowMajor {
                let part = (0..<block.count).flatMap { row in columns.map { block.elements[row * contraction.depth + $0] } }
                part.withUnsafeBufferPointer { part in
                    guard let base = part.baseAddress else { return }
                    add(RowBlock(elements: base, count: block.count, isRowMajor: true), to: &sum, &rowSum)
                }
            } else {
                let start = block.elements + columns.lowerBound * block.count
                add(RowBlock(elements: start, count: block.count, isRowMajor: false), to: &sum, &rowSum)
            }
            count += block.count
        }
        (self.sum, self.rowSum, rowCount) = (sum, rowSum, count)
    }

    private func add(_ block: RowBlock, to sum: inout [Float], _ rowSum: inout [Double]) {
        DenseProduct.addGram(
            of: block.elements, groups: groupCount, depth: depth, count: block.count, isRowMajor: block.isRowMajor, to: &sum)
        if block.isRowMajor {
            for row in 0..<block.count {
                for column in rowSum.indices { rowSum[column] += Double(block.elements[row * depth + column]) }
            }
        } else {
            for column in rowSum.indices {
                rowSum[column] += VectorArithmetic.sum(block.elements + column * block.count, count: block.count)
            }
        }
    }

    package mutating func merge(_ other: GramMatrix) {
        guard other.sum.count == sum.count else { return }
        for index in sum.indices { sum[index] += other.sum[index] }
        for index in rowSum.indices { rowSum[index] += other.rowSum[index] }
        rowCount += other.rowCount
    }
}
