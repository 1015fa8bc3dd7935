package import WinnowGraph
import WinnowOperators

/// Connectionist temporal classification: −log of the probability of all paths of scores (N, times, classes) that spell a sample's
/// letters, divided by their number, the mean over samples (Graves et al. 2006; `torch.nn.CTCLoss`). Targets are class indices
/// (N, letters), filled up with numbers below 0 or with blanks.
package enum TemporalClassificationLoss: LossFunction {
    package static let name = "ctc"
    package static let settings: Set<LossSetting> = [.blank]
    package static let targets: Set<LossTarget.Kind> = [.classes]

    package static func classExtents(for prediction: [Extent], classes axis: Int) -> [Extent] { [prediction[0], .unknown] }

    package static func add(at place: LossPlace, _ target: LossTarget) throws -> ValueName {
        guard place.extents.count == 3 else { throw place.error("not scores (N, times, classes)") }
        return try place.builder.add(CTCLoss(blank: place.settings.blank), place.lastAxisLogits(), target.value)
    }
}
