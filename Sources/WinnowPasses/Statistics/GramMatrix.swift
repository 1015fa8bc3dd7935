package import WinnowKernels
package import WinnowTensor

/// XᵀX of the rows that a layer multiplies its weight with: how its inputs go together.
package struct GramMatrix: Statistic {
    package static let needsPlaces = true

    private let contraction: Contraction
    /// depth × depth
    package private(set) var sum: Matrix<Float>
    package private(set) var rowCount = 0

    package init(_ contraction: Contraction) {
        self.contraction = contraction
        sum = Matrix(zeros: contraction.depth, contraction.depth)
    }

    package mutating func add(_ values: UnsafeBufferPointer<Float>, shape: Shape) {
        var (sum, count) = (self.sum, rowCount)
        self.sum = Matrix(zeros: 0, 0)
        contraction.forEachRows(of: values, shape: shape) { rows in
            sum.add(rows.transposed * rows)
            count += rows.rows
        }
        (self.sum, rowCount) = (sum, count)
    }

    package mutating func merge(_ other: GramMatrix) {
        guard other.sum.rows == sum.rows else { return }
        sum.add(other.sum)
        rowCount += other.rowCount
    }
}

extension Matrix {
    fileprivate mutating func add(_ other: Matrix) {
        for index in elements.indices { elements[index] += other.elements[index] }
    }
}
