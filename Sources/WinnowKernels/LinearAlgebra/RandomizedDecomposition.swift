internal import WinnowTensor

extension SingularValueDecomposition<Float> {
    /// The leading `rank` singular values and vectors from a random sketch of the columns, sharpened by power iterations: the
    /// error of the product of that rank is expected within (1 + √(rank / (oversampling − 1)))^(1 / (2·powers + 1)) of the
    /// least, and mostly much nearer (Halko et al. 2011, algorithms 4.4 and 5.1, theorem 10.5).
    package init(leading rank: Int, of matrix: Matrix<Float>, oversampling: Int = 16, powers: Int = 2, seed: UInt64 = 0)
        throws
    {
        let full = min(matrix.rows, matrix.columns)
        let width = min(full, rank + oversampling)
        var random = RandomGenerator(seed: seed, stream: 0x5D)
        let sketch = Matrix(
            (0..<(matrix.columns * width)).map { _ in random.normal() }, rows: matrix.columns, columns: width)
        let turned = matrix.transposed
        var basis = try (matrix * sketch).orthonormalBasis()
        for _ in 0..<powers { basis = try (matrix * (turned * basis).orthonormalBasis()).orthonormalBasis() }
        let inner = try SingularValueDecomposition(basis.transposed * matrix)
        let count = min(rank, inner.values.count)
        self.init(
            left: basis * inner.left[columns: 0..<count], values: Array(inner.values.prefix(count)),
            right: inner.right[rows: 0..<count])
    }
}
