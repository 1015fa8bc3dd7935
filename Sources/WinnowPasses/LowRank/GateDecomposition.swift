import WinnowGraph
package import WinnowKernels
package import WinnowOperators
package import WinnowTensor

/// A product to few features before a recurrent layer whose gates, of all directions, read those: W ≈ A·B, W of (directions ·
/// gates · hidden) × inputs.
package struct GateDecomposition: LayerDecomposition {
    private let op: any InputProduct
    private let shape: Shape
    private let matrix: Matrix<Float>
    private let factors: MatrixFactors

    package init(_ op: any InputProduct, _ weight: Tensor, leading: Int?) throws(Refusal) {
        self.op = op
        shape = weight.shape
        matrix = Matrix(weight.elements(Float.self) ?? [], rows: shape[0] * shape[1], columns: shape[2])
        factors = try MatrixFactors(matrix, leading: leading)
    }

    package var spectra: [Spectrum] { [factors.spectrum] }

    package func outline(_ ranks: [Int]) -> [LayerOutline] {
        [
            LayerOutline(op: MatMul(), shape: [shape[2], ranks[0]]),
            LayerOutline(op: op, shape: [shape[0], shape[1], ranks[0]]),
        ]
    }

    package func factors(_ ranks: [Int]) throws(Refusal) -> LayerFactors {
        let (left, right) = factors(ranks[0])
        return LayerFactors(
            [right.transposed, left], outline(ranks), of: matrix, as: left * right,
            energy: factors.spectrum.energy(rank: ranks[0]))
    }
}
