package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// −Σ q·log softmax(scores) over the axis of classes, the mean over everything else: of class indices, with weights of classes the weighted
/// mean, or of probabilities (`torch.nn.CrossEntropyLoss`, which has classes along axis 1).
package enum CrossEntropyLoss: LossFunction {
    package static let name = "cross-entropy"
    package static let settings: Set<LossSetting> = [.labelSmoothing, .ignore, .classWeights, .axis]
    package static let targets: Set<LossTarget.Kind> = [.classes, .values]

    package static func classExtents(for prediction: [Extent], classes axis: Int) -> [Extent] {
        prediction.indices.filter { $0 != axis }.map { prediction[$0] }
    }

    package static func add(at place: LossPlace, _ target: LossTarget) throws -> ValueName {
        guard place.extents.count >= 2 else { throw place.error("not scores of classes") }
        let (b, settings, scores, axis) = (place.builder, place.settings, try place.logits(), place.classAxis)
        let smoothing = settings.labelSmoothing
        guard target.kind == .classes else {
            let logarithms = try b.add(LogSoftmax(axis: axis), scores)
            let sums = try b.add(ReduceSum(axes: [axis]), b.multiply(smoothed(target.value, smoothing, axis, b), logarithms))
            return try b.negate(place.mean(sums))
        }
        if let classes = place.extents[axis].value, !settings.classWeights.isEmpty, settings.classWeights.count != classes {
            throw place.error("but there are \(settings.classWeights.count) class-weights", remedy: "give one for each class")
        }
        let weights = settings.classWeights.isEmpty ? nil : b.constant("class.weights", Tensor(settings.classWeights.map { Float($0) }))
        let hard = try b.add(
            SoftmaxCrossEntropyLoss(CrossEntropyParameters(ignoredLabel: settings.ignore)),
            inputs: [b.moving(axis, to: 1, of: scores), target.value, weights], name: "loss")[0]
        guard smoothing > 0 else { return hard }
        guard weights == nil, settings.ignore == nil else {
            throw WinnowError(.recipe, "label-smoothing", "does not go with ignore or class-weights", remedy: "leave one of them out")
        }
        return try Loss.weightedSum(b, [(1 - smoothing, hard), (-smoothing, place.mean(b.add(LogSoftmax(axis: axis), scores)))])
    }

    private static func smoothed(_ target: ValueName, _ smoothing: Double, _ axis: Int, _ b: GraphBuilder) throws -> ValueName {
        guard smoothing > 0 else { return target }
        guard let classes = b.info(of: target)?.extents?[axis].value else {
            throw WinnowError(.model, "value \(target)", "has an unknown number of classes, which label-smoothing needs")
        }
        return try b.add(b.multiply(target, by: 1 - smoothing), number: smoothing / Double(classes))
    }
}
