import WinnowGraph
package import WinnowKernels
package import WinnowOperators
package import WinnowTensor

/// Rows of few numbers looked up, then a product, in the place of a table's rows (Lan et al. 2020, "ALBERT", section 3.1).
package struct LookupDecomposition: LayerDecomposition {
    private let op: Gather
    private let matrix: Matrix<Float>
    private let factors: MatrixFactors

    package init(_ op: Gather, _ table: Tensor, leading: Int?) throws(Refusal) {
        self.op = op
        matrix = Matrix(table.elements(Float.self) ?? [], rows: table.shape[0], columns: table.shape[1])
        factors = try MatrixFactors(matrix, leading: leading)
    }

    package var spectra: [Spectrum] { [factors.spectrum] }

    package func outline(_ ranks: [Int]) -> [LayerOutline] {
        [
            LayerOutline(op: op, shape: [matrix.rows, ranks[0]], weightIndex: 0),
            LayerOutline(op: MatMul(), shape: [ranks[0], matrix.columns]),
        ]
    }

    package func factors(_ ranks: [Int]) throws(Refusal) -> LayerFactors {
        let (left, right) = factors(ranks[0])
        return LayerFactors(
            [left, right], outline(ranks), of: matrix, as: left * right, energy: factors.spectrum.energy(rank: ranks[0])
        )
    }
}
