/// Eigenvalues, ascending, and orthonormal eigenvectors of a symmetric matrix.
package struct SymmetricEigen<Scalar: LapackScalar>: Sendable {
    package let values: [Scalar]
    /// Column k belongs to value k.
    package let vectors: Matrix<Scalar>

    /// Reads the lower triangle.
    package init(_ matrix: Matrix<Scalar>) throws {
        var vectors = matrix
        var values = [Scalar](repeating: 0, count: matrix.rows)
        try lapack("symmetric eigenvalues", "did not converge") {
            Scalar.symmetricEigen(Int32(matrix.rows), &vectors.elements, &values)
        }
        self.values = values
        self.vectors = vectors
    }
}

extension Matrix {
    /// The inverse of a triangular matrix; the other triangle is not read and stays as it is.
    package func triangularInverse(lower: Bool) throws -> Matrix {
        var result = self
        try lapack("triangular inverse", "the matrix is singular", size: rows) {
            Scalar.triangularInverse(Int32(rows), &result.elements, lower: lower)
        }
        return result
    }

    /// The X of least norm that minimizes |A·X − right|, for an A of any rank.
    package func leastSquares(_ right: Matrix) throws -> Matrix {
        var a = elements
        var b = right.elements + [Scalar](repeating: 0, count: max(0, columns - rows) * right.columns)
        var values = [Scalar](repeating: 0, count: max(1, min(rows, columns)))
        try lapack("least squares", "did not converge") {
            Scalar.leastSquares(Int32(rows), Int32(columns), Int32(right.columns), &a, &b, &values)
        }
        return Matrix(Array(b.prefix(columns * right.columns)), rows: columns, columns: right.columns)
    }

    /// Orthonormal columns that span this matrix's columns (the Q of QR); needs rows ≥ columns.
    package func orthonormalBasis() throws -> Matrix {
        var result = self
        var tau = [Scalar](repeating: 0, count: max(1, columns))
        try lapack("QR factorization", "failed") {
            Scalar.orthonormalBasis(Int32(rows), Int32(columns), &result.elements, &tau)
        }
        return result
    }
}
