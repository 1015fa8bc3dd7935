import Foundation

/// How many candidates are trained for how long: half as many twice as long, round by round (successive halving; Jamieson and
/// Talwalkar 2016).
struct HalvingPlan {
    /// Candidates and epochs of each round.
    private(set) var rounds: [(count: Int, epochs: Int)] = []
    /// Epochs that no round takes.
    private(set) var reserve = 0

    /// - Parameters:
    ///   - epochs: what there is time for.
    ///   - longest: epochs that one candidate gets at most, all rounds together.
    init(candidates: Int, epochs: Int, longest: Int) {
        for count in stride(from: candidates, to: 0, by: -1) where rounds.isEmpty {
            let roundCount = Int(log2(Double(count))) + 1
            let first = min(epochs / (count * roundCount), max(1, longest >> roundCount))
            guard first >= 1 else { continue }
            rounds = (0..<roundCount).map { (count: max(1, count >> $0), epochs: first << $0) }
        }
        reserve = max(0, epochs - rounds.reduce(0) { $0 + $1.count * $1.epochs })
    }
}
