package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// −Σ q·log softmax(scores) over the axis of classes, the mean over everything else: of class indices, with weights of classes the weighted
/// mean, or of probabilities (`torch.nn.CrossEntropyLoss`, which has classes along axis 1). Where no class counts it is 0.
package enum CrossEntropyLoss: LossFunction {
    package static let name = "cross-entropy"
    package static let settings: Set<LossSetting> = [.labelSmoothing, .ignore, .classWeights, .axis]
    package static let targets: Set<LossTarget.Kind> = [.classes, .values]

    package static func classExtents(for prediction: [Extent], classes axis: Int) -> [Extent] {
        prediction.indices.filter { $0 != axis }.map { prediction[$0] }
    }

    package static let checkedTargets: Set<LossTarget.Kind> = [.values]

    package static func objection(to target: TargetSample, _ settings: LossSettings) -> String? { target.objectionToProbabilities }

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
        let logarithms = try b.add(LogSoftmax(axis: axis), scores)
        let isPlain = weights == nil && settings.ignore == nil
        let spread = try isPlain ? place.mean(logarithms) : uniform(b.moving(axis, to: 1, of: logarithms), target.value, weights, settings, b)
        return try Loss.weightedSum(b, [(1 - smoothing, hard), (-smoothing, spread)])
    }

    /// Σ of the mean over classes of w·log p at all places that count ÷ Σ of the weights of their own classes, of logarithms (N, classes, …).
    private static func uniform(
        _ logarithms: ValueName, _ classes: ValueName, _ weights: ValueName?, _ settings: LossSettings, _ b: GraphBuilder
    ) throws -> ValueName {
        let (type, rank) = (b.info(of: logarithms)?.elementType ?? .float32, b.info(of: logarithms)?.rank ?? 2)
        var (weighted, known, mask) = (logarithms, classes, ValueName?.none)
        if let ignored = settings.ignore {
            let counts = try b.add(Not(), b.add(Equal(), classes, b.constant("ignored", scalar: Int64(ignored))))
            mask = try b.add(Cast(to: type), counts)
            // Any class stands for what is no class.
            known = try b.multiply(classes, b.add(Cast(to: .int64), counts))
        }
        var own = mask
        if let weights {
            let shape = b.constant("weight.shape", Tensor([1, -1] + [Int64](repeating: 1, count: rank - 2)))
            weighted = try b.multiply(logarithms, b.add(Reshape(), weights, shape))
            let all = try b.add(Gather(axis: 0), weights, known)
            own = try mask.map { try b.multiply(all, $0) } ?? all
        }
        let means = try b.add(ReduceMean(axes: [1], keepsAxes: false), weighted)
        let sum = try b.add(ReduceSum(keepsAxes: false), mask.map { try b.multiply(means, $0) } ?? means)
        guard let own else { return sum }
        let total = try b.add(ReduceSum(keepsAxes: false), own)
        return try b.divide(sum, b.add(Max(), total, b.scalar(1e-30, like: total)))
    }

    private static func smoothed(_ target: ValueName, _ smoothing: Double, _ axis: Int, _ b: GraphBuilder) throws -> ValueName {
        guard smoothing > 0 else { return target }
        guard let classes = b.info(of: target)?.extents?[axis].value else {
            throw WinnowError(.model, "value \(target)", "has an unknown number of classes, which label-smoothing needs")
        }
        return try b.add(b.multiply(target, by: 1 - smoothing), number: smoothing / Double(classes))
    }
}
