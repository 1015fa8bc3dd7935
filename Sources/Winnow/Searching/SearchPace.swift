import Foundation

/// How long pieces of a search take on this machine, measured once at its beginning, so that what it tries does not depend on how
/// often it was stopped.
struct SearchPace: Codable {
    /// Of training the original for an epoch; nil: it cannot be trained.
    var secondsPerEpoch: Double?
    /// Why it cannot be trained.
    var objection: String?
    /// Of measuring one candidate.
    var secondsPerTrial: Double
}

/// How many candidates are trained for how long: half as many twice as long, round by round (successive halving; Jamieson and
/// Talwalkar 2016).
struct HalvingPlan: Hashable {
    /// Candidates and epochs of each round.
    private(set) var rounds: [(count: Int, epochs: Int)] = []
    /// Epochs that no round takes: what a storage that must be trained may have.
    private(set) var reserve = 0

    /// - Parameters:
    ///   - epochs: what there is time for.
    ///   - longest: epochs that one candidate gets at most, all rounds together.
    init(candidates: Int, epochs: Int, longest: Int) {
        var count = candidates
        while count > 0 {
            let roundCount = Int(log2(Double(count))) + 1
            let first = min(epochs / (count * roundCount), max(1, longest >> roundCount))
            if first >= 1 {
                var (left, own) = (count, first)
                for _ in 0..<roundCount {
                    rounds.append((left, own))
                    (left, own) = (max(1, left / 2), own * 2)
                }
                break
            }
            count -= 1
        }
        reserve = max(0, epochs - rounds.reduce(0) { $0 + $1.count * $1.epochs })
    }

    static func == (a: HalvingPlan, b: HalvingPlan) -> Bool {
        a.reserve == b.reserve && a.rounds.elementsEqual(b.rounds) { $0 == $1 }
    }

    func hash(into hasher: inout Hasher) {
        for round in rounds { hasher.combine(round.count); hasher.combine(round.epochs) }
        hasher.combine(reserve)
    }
}
