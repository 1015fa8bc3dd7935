import WinnowKernels
package import WinnowOperators
package import WinnowTensor

/// 1×1 to few channels, k×k between few channels, and 1×1 back: W ≈ G ×₁ U_O ×₂ U_I with the leading singular vectors of W unfolded
/// by outputs and by inputs (Tucker-2; Kim et al. 2016, section 3.1).
package enum TuckerSplit: ConvolutionSplit {
    package static let name = "tucker-2"

    package static func split(_ conv: Conv, _ weight: Tensor, _ rule: RankRule) throws(Refusal) -> LayerSplit {
        let shape = weight.shape
        let taps = shape[2] * shape[3]
        guard taps > 1 else { throw Refusal("it is 1×1") }
        let byOutputs = Matrix(weight.elements(Float.self) ?? [], rows: shape[0], columns: shape[1] * taps)
        let byInputs = Matrix(weight.transposed([1, 0, 2, 3]).elements(Float.self) ?? [], rows: shape[1], columns: shape[0] * taps)
        let outputs = try basis(of: byOutputs, rule)
        let inputs = try basis(of: byInputs, rule)
        // G = U_Oᵀ · W, inputs in front, then U_Iᵀ in the same way.
        let half = Tensor((outputs.transposed * byOutputs).elements, shape: [outputs.columns, shape[1], shape[2], shape[3]])
        let turned = Matrix(half.transposed([1, 0, 2, 3]).elements(Float.self) ?? [], rows: shape[1], columns: outputs.columns * taps)
        let core = Tensor((inputs.transposed * turned).elements, shape: [inputs.columns, outputs.columns, shape[2], shape[3]])
            .transposed([1, 0, 2, 3])
        return LayerSplit(
            layers: [
                (Conv(stride: 1, padding: 0), Tensor(inputs.transposed.elements, shape: [inputs.columns, shape[1], 1, 1])),
                (conv, core),
                (Conv(stride: 1, padding: 0), Tensor(outputs.elements, shape: [shape[0], outputs.columns, 1, 1])),
            ],
            ranks: [(outputs.columns, min(shape[0], shape[1] * taps)), (inputs.columns, min(shape[1], shape[0] * taps))],
            energy: energy(core.floats()) / max(energy(byOutputs.elements), .leastNormalMagnitude))
    }

    private static func energy(_ values: [Float]) -> Double { values.reduce(0) { $0 + Double($1) * Double($1) } }

    /// The leading left singular vectors as columns.
    private static func basis(of matrix: Matrix<Float>, _ rule: RankRule) throws(Refusal) -> Matrix<Float> {
        let whole = try RankRule.decomposition(of: matrix)
        let rank = min(rule.rank(of: whole), whole.values.count)
        var result = Matrix<Float>(zeros: matrix.rows, rank)
        for row in 0..<matrix.rows { for column in 0..<rank { result[row, column] = whole.left[row, column] } }
        return result
    }
}
