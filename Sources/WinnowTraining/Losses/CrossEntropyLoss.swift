package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// −Σ q·log softmax(scores) over axis 1, the mean over everything else: of class indices, with weights of classes the weighted mean, or
/// of probabilities (`torch.nn.CrossEntropyLoss`).
package enum CrossEntropyLoss: LossFunction {
    package static let name = "cross-entropy"
    package static let settings: Set<LossSetting> = [.labelSmoothing, .ignore, .classWeights]
    package static let targets: Set<LossTarget.Kind> = [.classes, .values]

    package static func classExtents(for prediction: [Extent]) -> [Extent] { Array(prediction.prefix(1) + prediction.dropFirst(2)) }

    package static func add(at place: LossPlace, _ target: LossTarget) throws -> ValueName {
        guard place.extents.count >= 2 else { throw place.error("not scores of classes") }
        let (b, settings, scores) = (place.builder, place.settings, try place.logits())
        let smoothing = settings.labelSmoothing
        guard target.kind == .classes else {
            let logarithms = try b.add(LogSoftmax(axis: 1), scores)
            let sums = try b.add(ReduceSum(axes: [1]), b.multiply(smoothed(target.value, smoothing, b), logarithms))
            return try b.negate(place.mean(sums))
        }
        if let classes = place.extents[1].value, !settings.classWeights.isEmpty, settings.classWeights.count != classes {
            throw place.error("but there are \(settings.classWeights.count) class-weights", remedy: "give one for each class")
        }
        let weights = settings.classWeights.isEmpty ? nil : b.constant("class.weights", Tensor(settings.classWeights.map { Float($0) }))
        let hard = try b.add(
            SoftmaxCrossEntropyLoss(CrossEntropyParameters(ignoredLabel: settings.ignore)), inputs: [scores, target.value, weights], name: "loss")[0]
        guard smoothing > 0 else { return hard }
        guard weights == nil, settings.ignore == nil else {
            throw WinnowError(.recipe, "label-smoothing", "does not go with ignore or class-weights", remedy: "leave one of them out")
        }
        return try Loss.weightedSum(b, [(1 - smoothing, hard), (-smoothing, place.mean(b.add(LogSoftmax(axis: 1), scores)))])
    }

    private static func smoothed(_ target: ValueName, _ smoothing: Double, _ b: GraphBuilder) throws -> ValueName {
        guard smoothing > 0 else { return target }
        guard let classes = b.info(of: target)?.extents?[1].value else {
            throw WinnowError(.model, "value \(target)", "has an unknown number of classes, which label-smoothing needs")
        }
        return try b.add(b.multiply(target, by: 1 - smoothing), number: smoothing / Double(classes))
    }
}
