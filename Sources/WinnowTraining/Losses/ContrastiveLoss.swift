package import WinnowGraph
import WinnowOperators

/// d² of two samples of one class, max(0, margin − d)² of others, the mean over all pairs of the samples that go through the model together,
/// 0 for one sample alone; d is the distance of embeddings
/// (Hadsell, Chopra and LeCun, "Dimensionality Reduction by Learning an Invariant Mapping", 2006).
package enum ContrastiveLoss: LossFunction {
    package static let name = "contrastive"
    package static let settings: Set<LossSetting> = [.margin]
    package static let targets: Set<LossTarget.Kind> = [.classes]

    package static func add(at place: LossPlace, _ target: LossTarget) throws -> ValueName {
        let (b, embeddings) = (place.builder, try place.embeddings())
        let (distances, same) = (try b.distances(embeddings), try b.samePairs(target.value, like: embeddings))
        let missing = try b.add(Relu(), b.add(b.negate(distances), number: place.settings.margin))
        let apart = try b.multiply(b.add(b.negate(same), number: 1), b.square(missing))
        return try b.meanOverPairs(b.add(b.multiply(same, b.square(distances)), apart))
    }
}
