package import WinnowGraph
import WinnowOperators

/// −log of the part that a sample's own target has of Σⱼ exp(cos(p, tⱼ) ÷ temperature) over the targets of the step, the mean over samples
/// (InfoNCE; van den Oord et al., "Representation Learning with Contrastive Predictive Coding", 2018, equation 4).
package enum NoiseContrastiveLoss: LossFunction {
    package static let name = "info-nce"
    package static let settings: Set<LossSetting> = [.temperature]

    package static func add(at place: LossPlace, _ target: LossTarget) throws -> ValueName {
        let b = place.builder
        let wanted = try b.unitVectors(b.rows(target.value))
        let own = try b.unitVectors(place.embeddings())
        let factor = 1 / place.settings.temperature
        let all = try b.multiply(b.add(MatMul(), own, b.add(Transpose([1, 0]), wanted)), by: factor)
        let sums = try b.add(ReduceLogSumExp(axes: [1], keepsAxes: false), all)
        return try place.mean(b.subtract(sums, b.multiply(b.dotProducts(own, wanted), by: factor)))
    }
}
