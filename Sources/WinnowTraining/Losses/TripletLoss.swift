package import WinnowGraph
import WinnowOperators

/// max(0, margin + d(farthest of the same class) − d(nearest of another)), the mean over the samples of a step (Hermans, Beyer and Leibe,
/// "In Defense of the Triplet Loss", 2017, equation 5).
package enum TripletLoss: LossFunction {
    package static let name = "triplet"
    package static let settings: Set<LossSetting> = [.margin]
    package static let targets: Set<LossTarget.Kind> = [.classes]

    /// What lifts a distance above all others.
    private static let far = 1e6

    package static func add(at place: LossPlace, _ target: LossTarget) throws -> ValueName {
        let (b, embeddings) = (place.builder, try place.embeddings())
        let (distances, same) = (try b.distances(embeddings), try b.samePairs(target.value, like: embeddings))
        let farthest = try b.add(ReduceMax(axes: [1], keepsAxes: false), b.multiply(distances, same))
        let nearest = try b.add(ReduceMin(axes: [1], keepsAxes: false), b.add(distances, b.multiply(same, by: far)))
        return try place.mean(b.add(Relu(), b.add(b.subtract(farthest, nearest), number: place.settings.margin)))
    }
}
