public import WinnowGraph
import WinnowTensor

/// Removes whole channels, with everything that is coupled to them: the network becomes smaller and faster everywhere.
public struct StructuredPruning: Pass {
    public static let name = "structured-pruning"
    public static let summary = "removes the channels that matter least, with everything coupled to them"
    public static let guide = """
        Channels that share an axis are removed together: filters, biases, normalization parameters, the next layer's \
        inputs (also behind Flatten), both sides of a residual addition, depthwise filters. Which axes belong together \
        follows from the operators; where an operator does not tell, the channels stay and the report says so. Inputs and \
        outputs of the model keep their shapes. Weights in codes are ranked by the numbers that the codes stand for; of several \
        weights that make the same channels `reduce` tells how they count. `repair` makes up for what went without training. \
        Follow with `finetune`.
        """
    public static let strengths = [Strength.sparsity]

    public enum Scope: String, HyperparameterChoice, Codable {
        case group, global
        /// Groups whose channels pass through the same operators are ranked together.
        case isomorphic
    }

    @Hyperparameter("fraction of the channels to remove", in: 0...1) public var sparsity = 0.5
    @Hyperparameter("what ranks channels") public var importance: Chosen<ChannelImportances> = "l2"
    @Hyperparameter("the same fraction of each group of channels, or the least of all groups, or of all of one structure")
    public var scope = Scope.group
    @Hyperparameter("channels left are a multiple of this", in: 1...1024) public var roundTo = 1
    @Hyperparameter("channels left in every group at least", in: 1...1e6) public var minimumChannels = 1
    @Hyperparameter("leave channels alone that operators outside the ONNX standard read or make: com.microsoft.FastGelu")
    public var standardOnly = true
    @Hyperparameter("remove the channels; otherwise set them to zero and keep all shapes") public var remove = true
    public var ranking = ChannelRanking()
    public var repairing = Repairing()
    public var choice = WeightChoice()

    public init() {}

    public var needs: PassNeeds { max(importance.member.needs, repairing.needs) }

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        let settled = try graph.settlingKnownExtents()
        let coupling = CouplingGroups(settled, standardOnly: standardOnly)
        let selection = try choice.selection(in: graph)
        let weights = coupling.channelWeights(in: settled)
        var report = ChannelReport(graph, weights)
        var candidates: [RankedChannels] = []
        for (group, makers) in coupling.groups(madeBy: weights) {
            if let reason = makers.lazy.compactMap({ selection.reason(against: $0.site) }).first {
                for weight in makers { report.keep(weight, reason) }
            } else if let ranked = RankedChannels(group, makers, coupling, settled) {
                candidates.append(ranked)
            } else {
                for weight in makers { report.skip(weight, "what it is read as cannot be computed from constants") }
            }
        }
        for weight in weights {
            guard let reason = coupling.protection(of: weight) else { continue }
            if coupling.soundReasons.contains(reason) { report.keep(weight, reason) } else { report.skip(weight, reason) }
        }
        var importance = importance.member.init()
        try importance.prepare(for: candidates.flatMap(\.members), in: settled, context)
        for index in candidates.indices { candidates[index].rank(ranking, by: importance) }
        for candidate in candidates where candidate.fallsBack {
            for member in candidate.members {
                report.fallBack(member.weight, "\(self.importance) knows nothing of its channels: they are ranked by l2")
            }
        }
        let chosen = choose(candidates, coupling)
        let repair = try repairing.repair(of: settled, losing: chosen, coupling, context)
        let removal = ChannelRemoval(repair.graph, coupling)
        let result = try chosen.isEmpty ? graph : remove ? removal.removing(chosen) : removal.masking(chosen)
        let findings = report.findings(for: result, removing: chosen, coupling, removed: remove)
        return PassResult(graph: result, findings: findings + repair.findings)
    }

    /// The channels to remove, by group.
    private func choose(_ candidates: [RankedChannels], _ coupling: CouplingGroups) -> [Int: Set<Int>] {
        var counts = candidates.map { Budget.count(sparsity, of: $0.scores.count) }
        for pool in pools(candidates, coupling) {
            let all = pool.flatMap { ranking.normalized(candidates[$0].scores) }
            let chosen = Set(all.lowest(Budget.count(sparsity, of: all.count)))
            var start = 0
            for index in pool {
                let end = start + candidates[index].scores.count
                counts[index] = (start..<end).count { chosen.contains($0) }
                start = end
            }
        }
        var result: [Int: Set<Int>] = [:]
        for (candidate, count) in zip(candidates, counts) {
            let all = candidate.scores.count
            let rounded = (all - count + roundTo - 1) / roundTo * roundTo
            let left = min(all, max(1, minimumChannels, count == 0 ? all : rounded))
            guard left < all else { continue }
            result[candidate.group.id] = Set(candidate.scores.lowest(all - left))
        }
        return result
    }

    /// The groups that compete with each other, by their places.
    private func pools(_ candidates: [RankedChannels], _ coupling: CouplingGroups) -> [[Int]] {
        switch scope {
        case .group: []
        case .global: [Array(candidates.indices)]
        case .isomorphic:
            Dictionary(grouping: candidates.indices) { coupling.structure(of: candidates[$0].group) }
                .values.sorted { $0[0] < $1[0] }
        }
    }
}
