package import WinnowKernels

/// A matrix decomposed by singular values, plain or as a metric of its columns weights them.
package struct MatrixFactors: Sendable {
    private let matrix: Matrix<Float>
    private let whole: SingularValueDecomposition<Float>
    private let metric: InputMetric?
    package let spectrum: Spectrum

    /// - Parameter leading: how many components will do, which are found by random projections; nil: all are found.
    package init(_ matrix: Matrix<Float>, metric: InputMetric? = nil, leading: Int? = nil) throws(Refusal) {
        (self.matrix, self.metric) = (matrix, metric)
        let weighted = metric?.weighted(matrix) ?? matrix
        do {
            whole =
                try leading.map { try SingularValueDecomposition(leading: $0, of: weighted) }
                ?? SingularValueDecomposition(weighted)
        } catch { throw Refusal("its decomposition did not converge") }
        let squares = whole.values.map { Double($0) * Double($0) }
        spectrum = Spectrum(
            squares, rows: matrix.rows, columns: matrix.columns, total: leading.map { _ in weighted.squareSum })
    }

    /// Two factors of a rank, balanced: the nearest product of that rank (Eckart and Young 1936). Weighted that is U·Uᵀ·W with
    /// U the left singular vectors of W·C.
    package func callAsFunction(_ rank: Int) -> (left: Matrix<Float>, right: Matrix<Float>) {
        guard metric != nil else { return whole.factors(rank: rank) }
        var left = whole.left[columns: 0..<min(rank, whole.values.count)]
        var right = left.transposed * matrix
        for component in 0..<left.columns {
            let length = (0..<right.columns).reduce(0.0) {
                $0 + Double(right[component, $1]) * Double(right[component, $1])
            }.squareRoot()
            guard length > 0 else { continue }
            let root = Float(length.squareRoot())
            for row in 0..<left.rows { left[row, component] *= root }
            for column in 0..<right.columns { right[component, column] /= root }
        }
        return (left, right)
    }

    /// Leading left singular vectors as columns.
    package func basis(_ rank: Int) -> Matrix<Float> { whole.left[columns: 0..<min(rank, whole.values.count)] }
}
