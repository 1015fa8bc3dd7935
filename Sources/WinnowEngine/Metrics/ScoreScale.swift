/// In what scores are told and drops of them counted: parts of one in points of a hundred, everything else in its own unit.
public struct ScoreScale: Codable, Hashable, Sendable {
    /// Whether scores lie between 0 and 1, so that a drop counts hundredths.
    public let isPart: Bool
    /// Of scores that are no parts: `dB`; empty for plain numbers.
    public let unit: String
    /// Whether the score is what was measured; else it is the negative of that.
    public let isHigherBetter: Bool

    /// Top-1, agreement.
    public static let parts = ScoreScale(isPart: true, unit: "", isHigherBetter: true)

    package init(isPart: Bool, unit: String = "", isHigherBetter: Bool = true) {
        (self.isPart, self.unit, self.isHigherBetter) = (isPart, isPart ? "" : unit, isHigherBetter)
    }

    /// - Parameter isPart: nil: as the number tells, which is that of the original where drops from it are counted.
    package init(of result: MetricResult, isPart: Bool?) {
        self.init(
            isPart: isPart ?? result.value.map { (0...1).contains($0) } ?? true, unit: result.unit, isHigherBetter: result.isHigherBetter)
    }

    /// What was measured where the score, larger is better, is this; and the other way round.
    package func measured(_ score: Double) -> Double { isHigherBetter ? score : -score }

    /// By how much a score is below another.
    package func drop(from before: Double, to after: Double) -> Double { (before - after) * (isPart ? 100 : 1) }

    /// A drop from a score that is small beside it: a tenth of a point of a hundred.
    package func smallDrop(from score: Double) -> Double { isPart ? 0.1 : max(1e-3 * score.magnitude, 1e-9) }

    /// Behind the number of a drop: ` points`, ` dB`, nothing.
    package var dropUnit: String { isPart ? " points" : unit.isEmpty ? "" : " \(unit)" }

    /// What must be known to read drops; empty for parts of one.
    package var remark: String { isPart ? "" : "no part of 1: a drop counts in its own unit" }
}
