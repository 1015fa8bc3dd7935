import Foundation
public import WinnowEngine
public import WinnowReport

/// One candidate of a search: what was done to the model, and what it costs and achieves after it.
public struct SearchTrial: Codable, Hashable, Sendable {
    /// Names its file in the folder of the search.
    public var name: String
    /// What was done, in words: `structured-pruning 0.5, 3 epochs, int8`.
    public var title: String
    /// The recipe that makes it, as YAML.
    public var recipe: String
    /// What was not measured is missing.
    public var costs: [CompressionCost: Double]
    /// On validation data, larger is better; −∞ where it gives what is no number and the original does not, nil where there are no data, or
    /// costs alone were asked for.
    public var score: Double?
    /// In what the score is told; nil: as a part of one.
    public var scale: ScoreScale?
    /// How long it took to make and measure it, but for steps that others had made.
    public var seconds: Double

    public subscript(cost: CompressionCost) -> Double? { costs[cost] }
}

extension SearchTrial {
    /// What was measured in place of the score: where lower is better the score is its negative.
    public var measuredScore: Double? { score.map { (scale ?? .parts).measured($0) } }

    /// How far its score is below another's, on the other's scale; 0 where there are none.
    func drop(from other: SearchTrial) -> Double {
        guard let score, let before = other.score else { return 0 }
        return (other.scale ?? .parts).drop(from: before, to: score)
    }

    /// A cost as a part of another's; nil where either is not known.
    func part(_ cost: CompressionCost, of other: SearchTrial) -> Double? {
        guard let own = self[cost], let whole = other[cost], whole > 0 else { return nil }
        return own / whole
    }

    /// Whether nothing that both have measured is worse than another's, and something is better.
    func dominates(_ other: SearchTrial, by costs: [CompressionCost] = CompressionCost.allCases) -> Bool {
        var isBetter = (score ?? 0) > (other.score ?? 0)
        guard (score ?? 0) >= (other.score ?? 0) else { return false }
        for cost in costs {
            guard let own = self[cost], let theirs = other[cost] else { continue }
            if own > theirs { return false }
            if own < theirs { isBetter = true }
        }
        return isBetter
    }
}

extension [SearchTrial] {
    /// Those whose quality is as well known as the original's, which comes first, and which give numbers.
    var judged: [SearchTrial] { filter { $0.score?.isFinite ?? (first?.score == nil) } }

    /// Those of them that no other dominates, in the order given.
    var front: [SearchTrial] {
        let all = judged
        return all.filter { trial in !all.contains { $0.dominates(trial) } }
    }
}

extension CompressionTargets {
    /// What each target asks for and a trial reaches, the original being `baseline`.
    func outcomes(of trial: SearchTrial, from baseline: SearchTrial) -> [SearchSummary.Target] {
        let costs = CompressionCost.allCases.compactMap { cost -> SearchSummary.Target? in
            guard let amount = limits[cost], let whole = baseline[cost] else { return nil }
            let (limit, own) = (amount.limit(of: whole), trial[cost])
            return SearchSummary.Target(
                name: cost.words, asked: cost.text(limit), reached: own.map(cost.text) ?? "not measured",
                isMet: own.map { $0 <= limit * (1 + Self.tolerance) } ?? false)
        }
        guard baseline.score != nil, trial.score != nil else { return costs }
        let (drop, scale) = (trial.drop(from: baseline), baseline.scale ?? .parts)
        func text(_ drop: Double) -> String { String(format: scale.isPart ? "%.2f" : "%.4g", drop) + scale.dropUnit }
        let kept = SearchSummary.Target(name: "drop", asked: text(maxDrop), reached: text(drop), isMet: drop <= maxDrop + Self.tolerance)
        return costs + [kept]
    }

    private static let tolerance = 1e-9

    /// What may be hoped to be left of a drop after a round that doubles training: LeNet-5 with half and 0.56 of its channels kept 0.64 and
    /// 0.50 of it from 1 to 3 epochs.
    private static let dropAfterARound = 0.6

    /// How far a trial is from meeting every target: 0 where it does, else the sum of what is too much, as parts of what was asked.
    ///
    /// - Parameter roundsLeft: how many times it can still be trained twice as long; the drop is then what may be hoped for.
    func excess(of trial: SearchTrial, from baseline: SearchTrial, roundsLeft: Int = 0) -> Double {
        let drop = trial.drop(from: baseline)
        let hoped = drop > 0 ? drop * pow(Self.dropAfterARound, Double(roundsLeft)) : drop
        var excess = max(0, hoped - maxDrop) / max(maxDrop, (baseline.scale ?? .parts).smallDrop(from: baseline.score ?? 0))
        for (cost, amount) in limits {
            guard let whole = baseline[cost], whole > 0 else { continue }
            // What is not known is as bad as twice as much.
            excess += trial[cost].map { max(0, $0 / amount.limit(of: whole) - 1) } ?? 1
        }
        return excess
    }

    /// Whether every limit holds for costs that are these parts of a trial's.
    ///
    /// - Parameter parts: what a storage is predicted to leave; costs that are missing stay.
    func holdCosts(of trial: SearchTrial, from baseline: SearchTrial, times parts: [CompressionCost: Double] = [:]) -> Bool {
        limits.allSatisfy { cost, amount in
            guard let own = trial[cost], let whole = baseline[cost] else { return false }
            let limit = amount.limit(of: whole)
            return parts[cost].map { own * $0 <= limit * Self.margin } ?? (own <= limit)
        }
    }

    /// What a prediction may be off, so that what was trained meets the limit too.
    private static let margin = 0.97

    /// What is left of the costs that were asked about, or of size and latency where none was: the geometric mean of their parts.
    ///
    /// - Parameter isWhole: of size and latency too where others were asked about.
    func remainder(of trial: SearchTrial, from baseline: SearchTrial, isWhole: Bool = false) -> Double {
        let asked = CompressionCost.allCases.filter { limits[$0] != nil || isWhole && ($0 == .size || $0 == .latency) }
        let parts = (asked.isEmpty ? [.size, .latency] : asked).compactMap { trial.part($0, of: baseline) }
        guard !parts.isEmpty else { return 1 }
        return exp(parts.map { log(max($0, 1e-9)) }.reduce(0, +) / Double(parts.count))
    }

    /// Whether one trial is to be preferred to another: it meets the targets better, or it is in nothing worse; where both meet them and costs
    /// were asked for, its score is higher, else less is left of it. What is as far from the targets as the original is no reason to change that.
    func prefers(_ trial: SearchTrial, to other: SearchTrial, from baseline: SearchTrial, roundsLeft: Int = 0) -> Bool {
        let own = excess(of: trial, from: baseline, roundsLeft: roundsLeft)
        let theirs = excess(of: other, from: baseline, roundsLeft: roundsLeft)
        guard own == theirs else { return own < theirs }
        let areOriginal = (trial.name == baseline.name, other.name == baseline.name)
        if own > 0, areOriginal.0 != areOriginal.1, own == excess(of: baseline, from: baseline, roundsLeft: roundsLeft) { return areOriginal.0 }
        if trial.dominates(other) || other.dominates(trial) { return trial.dominates(other) }
        let (left, othersLeft) = (remainder(of: trial, from: baseline, isWhole: true), remainder(of: other, from: baseline, isWhole: true))
        let (score, othersScore) = (trial.score ?? 0, other.score ?? 0)
        if limits.isEmpty || score == othersScore { return left < othersLeft }
        return score > othersScore
    }
}
