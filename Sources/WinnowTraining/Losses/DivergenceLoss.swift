package import WinnowGraph
import WinnowOperators

/// Σ t·(log t − log softmax(scores)) over the axis of classes of probabilities t, summed over places and averaged over samples
/// (`torch.nn.KLDivLoss(reduction="batchmean")`).
package enum DivergenceLoss: LossFunction {
    package static let name = "kl"
    package static let settings: Set<LossSetting> = [.axis]

    package static let checkedTargets: Set<LossTarget.Kind> = [.values]

    package static func objection(to target: TargetSample, _ settings: LossSettings) -> String? { target.objectionToProbabilities }

    package static func add(at place: LossPlace, _ target: LossTarget) throws -> ValueName {
        guard place.extents.count >= 2 else { throw place.error("not scores of classes") }
        let b = place.builder
        let wanted = try b.add(Log(), b.add(Max(), target.value, b.scalar(1e-30, like: target.value)))
        let difference = try b.subtract(wanted, b.add(LogSoftmax(axis: place.classAxis), place.logits()))
        let sums = try b.add(ReduceSum(axes: Array(1..<place.extents.count), keepsAxes: false), b.multiply(target.value, difference))
        return try place.mean(sums)
    }
}
