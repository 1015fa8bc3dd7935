package import WinnowGraph
import WinnowOperators

/// log(1 + eᶻ) − t·z, the mean over all elements: z is what the closing Sigmoid takes, or the prediction where there is none, t in 0…1
/// (`torch.nn.BCEWithLogitsLoss`).
package enum BinaryCrossEntropyLoss: LossFunction {
    package static let name = "binary-cross-entropy"

    package static let checkedTargets: Set<LossTarget.Kind> = [.values]

    package static func objection(to target: TargetSample, _ settings: LossSettings) -> String? {
        target.values.first { $0 < 0 || $0 > 1 }.map { "holds \(TargetSample.text($0)), outside 0…1" }
    }

    package static func add(at place: LossPlace, _ target: LossTarget) throws -> ValueName {
        let (b, logits) = (place.builder, try place.binaryLogits())
        return try place.mean(b.subtract(b.add(Softplus(), logits), b.multiply(logits, target.value)))
    }
}
