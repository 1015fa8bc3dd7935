import WinnowGraph
import WinnowTensor

/// The groups of a graph that may lose channels, ranked once and cut as often as wanted.
struct ChannelCandidates {
    let graph: Graph
    let coupling: CouplingGroups
    let ranked: [RankedChannels]
    let removal: ChannelRemoval
    let report: ChannelReport

    /// The lowest channels of each group, so many of it.
    func lowest(_ counts: [Int]) -> [Int: Set<Int>] {
        var result: [Int: Set<Int>] = [:]
        for (candidate, count) in zip(ranked, counts) where count > 0 {
            result[candidate.group.id] = Set(candidate.scores.lowest(count))
        }
        return result
    }

    /// The graph without these channels, or with zeros in their place.
    func graph(without channels: [Int: Set<Int>], removed: Bool = true) throws -> Graph {
        try channels.isEmpty ? graph : removed ? removal.removing(channels) : removal.masking(channels)
    }

    /// The same with what became of every weight.
    func result(without channels: [Int: Set<Int>], removed: Bool) throws -> PassResult {
        let result = try graph(without: channels, removed: removed)
        return PassResult(graph: result, findings: report.findings(for: result, removing: channels, coupling, removed: removed))
    }
}
