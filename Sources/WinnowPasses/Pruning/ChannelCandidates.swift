import WinnowGraph
import WinnowTensor

/// The groups of a graph that may lose channels, ranked once and cut as often as wanted.
struct ChannelCandidates {
    let graph: Graph
    let coupling: CouplingGroups
    let ranked: [RankedChannels]
    let removal: ChannelRemoval
    private(set) var report: ChannelReport
    /// The branches that the graph has spread out.
    var branches: UnfoldedBranches?

    /// The groups of one structure together, by their places in `ranked`.
    var pools: [[Int]] {
        Dictionary(grouping: ranked.indices) { coupling.structure(of: ranked[$0].group) }.values.sorted { $0[0] < $1[0] }
    }

    /// The lowest channels of each group, so many of it.
    func lowest(_ counts: [Int]) -> [Int: Set<Int>] {
        var result: [Int: Set<Int>] = [:]
        for (candidate, count) in zip(ranked, counts) where count > 0 {
            result[candidate.group.id] = Set(candidate.scores.lowest(count))
        }
        return result
    }

    /// The same with what the report says of groups that limits leave alone.
    func telling(of cut: ChannelCut) -> ChannelCandidates {
        var result = self
        for (index, reason) in cut.limits.sorted(by: { $0.key < $1.key }) {
            result.report.limit(ranked[index].members.map(\.weight), reason)
        }
        return result
    }

    /// The same for a graph whose weights were fitted anew to what will be left.
    func repaired(_ graph: Graph) -> ChannelCandidates {
        ChannelCandidates(
            graph: self.graph, coupling: coupling, ranked: ranked, removal: ChannelRemoval(graph, coupling), report: report,
            branches: branches)
    }

    /// The graph without these channels, or with zeros in their place.
    func graph(without channels: [Int: Set<Int>], removed: Bool = true) throws -> Graph {
        try channels.isEmpty ? graph : removed ? removal.removing(channels) : removal.masking(channels)
    }

    /// The same with what became of every weight. Throws where the network without the channels does not compute what it computes with
    /// zeros in their place.
    func result(without channels: [Int: Set<Int>], removed: Bool, in context: PassContext) throws -> PassResult {
        let result = try graph(without: channels, removed: removed)
        var findings = report.findings(for: result, removing: channels, coupling, removed: removed)
        if removed, !channels.isEmpty, let doubt = try doubt(about: result, without: channels, in: context) {
            findings.append(Finding("graph", .done, reason: doubt))
        }
        return PassResult(graph: result, findings: findings)
    }

    private func doubt(about result: Graph, without channels: [Int: Set<Int>], in context: PassContext) throws -> String? {
        guard removal.unrestrictable.isDisjoint(with: channels.keys) else {
            return "it was not verified: a normalization takes statistics over extents that are not known"
        }
        let masked = try removal.masking(channels)
        if let branches, !branches.canRun {
            return try ChannelVerification(of: branches.folding(graph), branches.folding(masked), in: context).verify(branches.folding(result))
        }
        let doubt = try ChannelVerification(of: graph, masked, in: context).verify(result)
        guard doubt != nil, let branches, !branches.isSame else { return doubt }
        // Not every input suits both branches.
        return try ChannelVerification(of: branches.folding(graph), branches.folding(masked), in: context).verify(branches.folding(result))
    }
}
