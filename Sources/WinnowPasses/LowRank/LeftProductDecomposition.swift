import WinnowGraph
package import WinnowKernels
import WinnowOperators
package import WinnowTensor

/// A·(B·x) in the place of W·x.
package struct LeftProductDecomposition: LayerDecomposition {
    /// Outputs × inputs.
    private let matrix: Matrix<Float>
    private let factors: MatrixFactors

    package init(_ weight: Tensor, metric: InputMetric?, leading: Int?) throws(Refusal) {
        matrix = Matrix(weight.elements(Float.self) ?? [], rows: weight.shape[0], columns: weight.shape[1])
        factors = try MatrixFactors(matrix, metric: metric, leading: leading)
    }

    package var spectra: [Spectrum] { [factors.spectrum] }
    package var isOnLeft: Bool { true }

    package func outline(_ ranks: [Int]) -> [LayerOutline] {
        [LayerOutline(op: MatMul(), shape: [ranks[0], matrix.columns]), LayerOutline(op: MatMul(), shape: [matrix.rows, ranks[0]])]
    }

    package func factors(_ ranks: [Int]) throws(Refusal) -> LayerFactors {
        let (left, right) = factors(ranks[0])
        return LayerFactors(
            [right, left], outline(ranks), of: matrix, as: left * right, energy: factors.spectrum.energy(rank: ranks[0]))
    }
}
