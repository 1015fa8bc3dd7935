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

    package static let checkedTargets: Set<LossTarget.Kind> = [.classes]

    package static func objection(to target: TargetSample, _ settings: LossSettings) -> String? {
        let blank = Double(settings.blank)
        let letters = Array(target.values.prefix { $0 >= 0 && $0 != blank })
        // What fills up has no letter behind it.
        if let behind = target.values.dropFirst(letters.count).first(where: { $0 >= 0 && $0 != blank }), target.values[letters.count] == blank {
            return "has the blank, \(settings.blank), before the letter \(TargetSample.text(behind)): no letter may be the blank"
        }
        guard let times = target.times else { return nil }
        let repeated = zip(letters, letters.dropFirst()).count { $0 == $1 }
        guard letters.count + repeated > times else { return nil }
        let between = repeated > 0 ? " with \(repeated) that follow themselves, a blank between" : ""
        return "has \(letters.count) letters\(between), and the output has \(times) times"
    }

    package static func add(at place: LossPlace, _ target: LossTarget) throws -> ValueName {
        guard place.extents.count == 3 else { throw place.error("not scores (N, times, classes)") }
        return try place.builder.add(CTCLoss(blank: place.settings.blank), place.lastAxisLogits(), target.value)
    }
}
