import WinnowGraph
package import WinnowKernels
package import WinnowOperators
package import WinnowTensor

/// x·A·B in the place of x·W.
package struct ProductDecomposition: LayerDecomposition {
    private let form: any MatrixForm
    /// As stored; weighted outputs × inputs.
    private let matrix: Matrix<Float>
    private let factors: MatrixFactors
    /// Whether the matrix has outputs as rows where the operator wants them as columns, or the other way round.
    private let isTurned: Bool
    /// Axes of one in front of the matrix.
    private let ones: [Int]

    package init(_ form: any MatrixForm, _ weight: Tensor, metric: InputMetric?, leading: Int? = nil) throws(Refusal) {
        self.form = form
        ones = Array(weight.shape.dropLast(2))
        let stored = Matrix(weight.elements(Float.self) ?? [], rows: weight.shape[ones.count], columns: weight.shape[ones.count + 1])
        isTurned = metric != nil && !form.transposesRight
        matrix = isTurned ? stored.transposed : stored
        factors = try MatrixFactors(matrix, metric: metric, leading: leading)
    }

    package var spectra: [Spectrum] { [factors.spectrum] }

    package func outline(_ ranks: [Int]) -> [LayerOutline] {
        let (first, second) = form.factoredForms
        let (rows, columns) = isTurned ? (matrix.columns, matrix.rows) : (matrix.rows, matrix.columns)
        let shapes = [[rows, ranks[0]], [ranks[0], columns]].map { Shape(ones + $0) }
        return form.transposesRight
            ? [LayerOutline(op: first, shape: shapes[1]), LayerOutline(op: second, shape: shapes[0])]
            : [LayerOutline(op: first, shape: shapes[0]), LayerOutline(op: second, shape: shapes[1])]
    }

    package func factors(_ ranks: [Int]) throws(Refusal) -> LayerFactors {
        let (left, right) = factors(ranks[0])
        let parts =
            isTurned ? [right.transposed, left.transposed] : form.transposesRight ? [right, left] : [left, right]
        return LayerFactors(
            parts, outline(ranks), of: matrix, as: left * right, energy: factors.spectrum.energy(rank: ranks[0]))
    }
}

extension MatrixForm {
    fileprivate var factoredForms: (any Operator, any Operator) { (factored.first, factored.second) }
}
