package import WinnowGraph
import WinnowOperators

/// Connectionist temporal classification: −log of the probability of all paths of scores (N, times, classes) that spell a sample's
/// letters, divided by their number, the mean over samples (Graves et al. 2006; `torch.nn.CTCLoss`). Targets are class indices
/// (N, letters), filled up with numbers below 0 or with blanks. With `zero-infinity`, samples without a path count as 0.
package enum TemporalClassificationLoss: LossFunction {
    package static let name = "ctc"
    package static let settings: Set<LossSetting> = [.blank, .zeroInfinity]
    package static let targets: Set<LossTarget.Kind> = [.classes]

    package static func classExtents(for prediction: [Extent], classes axis: Int) -> [Extent] { [prediction[0], .unknown] }

    package static let checkedTargets: Set<LossTarget.Kind> = [.classes]

    package static func objection(to target: TargetSample, _ settings: LossSettings) -> String? {
        let (blank, letters) = (Double(settings.blank), letters(of: target, settings))
        // What fills up has no letter behind it.
        if let behind = target.values.dropFirst(letters.count).first(where: { $0 >= 0 && $0 != blank }), target.values[letters.count] == blank {
            return "has the blank, \(settings.blank), before the letter \(TargetSample.text(behind)): no letter may be the blank"
        }
        guard let times = target.times, !settings.zeroInfinity else { return nil }
        let repeated = repeated(letters)
        guard letters.count + repeated > times else { return nil }
        let between = repeated > 0 ? " with \(repeated) that follow themselves, a blank between" : ""
        return "has \(letters.count) letters\(between), and the output has \(times) times"
    }

    package static func isLeftOut(_ target: TargetSample, _ settings: LossSettings) -> Bool {
        guard settings.zeroInfinity, let times = target.times else { return false }
        let letters = letters(of: target, settings)
        return letters.count + repeated(letters) > times
    }

    private static func letters(of target: TargetSample, _ settings: LossSettings) -> [Double] {
        Array(target.values.prefix { $0 >= 0 && $0 != Double(settings.blank) })
    }

    /// How many letters follow themselves, which a blank must part.
    private static func repeated(_ letters: [Double]) -> Int { zip(letters, letters.dropFirst()).count { $0 == $1 } }

    package static func add(at place: LossPlace, _ target: LossTarget) throws -> ValueName {
        guard place.extents.count == 3 else { throw place.error("not scores (N, times, classes)") }
        return try place.builder.add(CTCLoss(blank: place.settings.blank, zeroesInfinity: place.settings.zeroInfinity), place.lastAxisLogits(), target.value)
    }
}
