/// A = U · diag(s) · Vᵀ with the min(rows, columns) singular values, largest first (LAPACK's gesdd).
package struct SingularValueDecomposition<Scalar: LapackScalar>: Sendable {
    /// rows × rank, orthonormal columns.
    package let left: Matrix<Scalar>
    package let values: [Scalar]
    /// rank × columns, orthonormal rows (Vᵀ).
    package let right: Matrix<Scalar>

    /// Throws `numeric` if the matrix holds NaN or the iteration does not converge.
    package init(_ matrix: Matrix<Scalar>) throws {
        let (m, n) = (matrix.rows, matrix.columns)
        let rank = min(m, n)
        var a = matrix.elements
        var values = [Scalar](repeating: 0, count: rank)
        var left = Matrix<Scalar>(zeros: m, rank)
        var right = Matrix<Scalar>(zeros: rank, n)
        if rank > 0 {
            try lapack("singular value decomposition", "did not converge") {
                Scalar.singularValues(Int32(m), Int32(n), &a, &values, &left.elements, &right.elements)
            }
        }
        self.left = left
        self.values = values
        self.right = right
    }

    init(left: Matrix<Scalar>, values: [Scalar], right: Matrix<Scalar>) { (self.left, self.values, self.right) = (left, values, right) }

    /// U√s (rows × rank) and √s·Vᵀ (rank × columns), whose product is the nearest matrix of that rank.
    package func factors(rank: Int) -> (left: Matrix<Scalar>, right: Matrix<Scalar>) {
        let rank = min(rank, values.count)
        let roots = values.prefix(rank).map { $0.squareRoot() }
        var first = Matrix<Scalar>(zeros: left.rows, rank)
        for row in 0..<left.rows { for k in 0..<rank { first[row, k] = left[row, k] * roots[k] } }
        var second = Matrix<Scalar>(zeros: rank, right.columns)
        for k in 0..<rank { for column in 0..<right.columns { second[k, column] = right[k, column] * roots[k] } }
        return (first, second)
    }
}
