package import WinnowGraph
import WinnowOperators

/// 1 − p·t ÷ (‖p‖·‖t‖) along the last axis, the mean over all others (`torch.nn.CosineEmbeddingLoss` of pairs that belong together).
package enum CosineLoss: LossFunction {
    package static let name = "cosine"

    package static func add(at place: LossPlace, _ target: LossTarget) throws -> ValueName {
        let b = place.builder
        let cosine = try b.dotProducts(b.unitVectors(place.prediction), b.unitVectors(target.value))
        return try b.add(b.negate(place.mean(cosine)), number: 1)
    }
}
