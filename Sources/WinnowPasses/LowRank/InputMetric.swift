package import WinnowKernels
import WinnowTensor

/// How errors of a weight count: ‖(Ŵ − W)·C‖² in the place of ‖Ŵ − W‖², W of outputs × depth. With C·Cᵀ = H = XᵀX that is the
/// error of the outputs on rows X.
package enum InputMetric: Sendable {
    /// C is a lower triangle.
    case triangular(Matrix<Float>)
    case diagonal([Float])

    /// W·C.
    package func weighted(_ weight: Matrix<Float>) -> Matrix<Float> {
        switch self {
        case .triangular(let root): return weight * root
        case .diagonal(let scales):
            var result = weight
            for index in result.elements.indices { result.elements[index] *= scales[index % weight.columns] }
            return result
        }
    }

    /// What counts of a weight's error.
    package func squaredError(_ weight: Matrix<Float>, _ other: Matrix<Float>) -> Double {
        weighted(weight - other).squareSum
    }

    /// The A for which A·B comes nearest to W: W·H·Bᵀ·(B·H·Bᵀ)⁻¹; nil where that cannot be told.
    package func leastSquares(_ weight: Matrix<Float>, on basis: Matrix<Float>) -> Matrix<Float>? {
        let (goal, rows) = (weighted(weight), weighted(basis))
        let rest = rows.transposed
        let (gram, crossed) = (rows * rest, goal * rest)
        var normal = Matrix(gram.elements.map(Double.init), rows: gram.rows, columns: gram.columns)
        let mean = (0..<gram.rows).reduce(0) { $0 + normal[$1, $1] } / Double(max(1, gram.rows))
        guard mean > 0 else { return nil }
        for index in 0..<gram.rows { normal[index, index] += 1e-7 * mean }
        let right = Matrix(crossed.elements.map(Double.init), rows: crossed.rows, columns: crossed.columns).transposed
        guard let solution = try? CholeskyFactor(normal).solve(right).transposed else { return nil }
        let result = Matrix(solution.elements.map { Float($0) }, rows: weight.rows, columns: basis.rows)
        return result.elements.allSatisfy(\.isFinite) ? result : nil
    }
}
