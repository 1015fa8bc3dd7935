package import WinnowKernels
package import WinnowTensor

/// XᵀX and Σx of the rows that a layer multiplies its weight with: how its inputs go together.
package struct GramMatrix: Statistic {
    package static let needsPlaces = true

    private let contraction: Contraction
    /// depth × depth
    package private(set) var sum: Matrix<Float>
    package private(set) var rowSum: [Double]
    package private(set) var rowCount = 0

    package init(_ contraction: Contraction) {
        self.contraction = contraction
        sum = Matrix(zeros: contraction.depth, contraction.depth)
        rowSum = [Double](repeating: 0, count: contraction.depth)
    }

    package mutating func add(_ values: UnsafeBufferPointer<Float>, shape: Shape) {
        var (sum, rowSum, count) = (self.sum, self.rowSum, rowCount)
        self.sum = Matrix(zeros: 0, 0)
        contraction.forEachRows(of: values, shape: shape) { rows in
            sum.add(rows.transposed * rows)
            for row in 0..<rows.rows { for column in rowSum.indices { rowSum[column] += Double(rows[row, column]) } }
            count += rows.rows
        }
        (self.sum, self.rowSum, rowCount) = (sum, rowSum, count)
    }

    package mutating func merge(_ other: GramMatrix) {
        guard other.sum.rows == sum.rows else { return }
        sum.add(other.sum)
        for index in rowSum.indices { rowSum[index] += other.rowSum[index] }
        rowCount += other.rowCount
    }
}

extension Matrix {
    fileprivate mutating func add(_ other: Matrix) {
        for index in elements.indices { elements[index] += other.elements[index] }
    }
}
