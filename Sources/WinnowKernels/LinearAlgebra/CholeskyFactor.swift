/// The lower triangle L of A = L·Lᵀ for a symmetric positive definite A.
package struct CholeskyFactor<Scalar: LapackScalar>: Sendable {
    /// Zeros above the diagonal.
    package let lower: Matrix<Scalar>

    /// Reads the lower triangle of `matrix`; throws `numeric` if it is not positive definite.
    package init(_ matrix: Matrix<Scalar>) throws {
        var factor = matrix
        try lapack("Cholesky factorization", "the matrix is not positive definite", size: matrix.rows) {
            Scalar.cholesky(Int32(matrix.rows), &factor.elements)
        }
        for row in 0..<factor.rows { for column in (row + 1)..<max(factor.columns, row + 1) { factor[row, column] = 0 } }
        lower = factor
    }

    /// X with A·X = `right`.
    package func solve(_ right: Matrix<Scalar>) throws -> Matrix<Scalar> {
        var result = right
        try lapack("Cholesky solution", "failed", size: lower.rows) {
            Scalar.choleskySolve(Int32(lower.rows), Int32(right.columns), lower.elements, &result.elements)
        }
        return result
    }

    /// A⁻¹.
    package func inverse() throws -> Matrix<Scalar> {
        var result = lower
        try lapack("Cholesky inverse", "the matrix is singular", size: lower.rows) {
            Scalar.choleskyInverse(Int32(lower.rows), &result.elements)
        }
        for row in 0..<result.rows { for column in 0..<row { result[column, row] = result[row, column] } }
        return result
    }
}
