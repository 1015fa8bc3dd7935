package import WinnowGraph
import WinnowKernels
package import WinnowTensor

/// One input after the other is rounded, and what that costs is made up for by the inputs that come after it, so that W·X moves least
/// over calibration data (GPTQ; Frantar et al. 2022, algorithm 1: errors spread by the rows of the Cholesky factor of H⁻¹, H = XᵀX
/// with a hundredth of its mean diagonal added).
package struct GPTQRounding: WeightRounding {
    package static let name = "gptq"
    package static let needs = PassNeeds.calibration
    private static let damping = 0.01
    /// As in the paper.
    private static let sampleCount = 128

    private var layers: [ValueName: LayerReconstruction] = [:]

    package init() {}

    package mutating func prepare(for targets: [WeightTarget], in graph: Graph, _ context: PassContext) throws {
        layers = try LayerReconstruction.gather(for: targets, in: graph, context, sampleCount: Self.sampleCount)
    }

    package func rounded(_ target: WeightTarget, _ parameters: QuantizationParameters) -> Tensor? {
        guard let layer = layers[target.tensor], let factor = try? layer.inverseFactor(damping: Self.damping) else { return nil }
        let contraction = layer.contraction
        var weight = contraction.matrix(of: target.values)
        let scales = parameters.scaleIndices(of: contraction.places, in: target.stored.shape)
        for row in 0..<weight.rows {
            for column in 0..<weight.columns {
                let code = parameters.nearest(weight[row, column], scale: scales[row * weight.columns + column])
                weight.replace(row, column, by: code, spreadingBy: factor)
            }
        }
        return contraction.weight(of: weight)
    }
}
