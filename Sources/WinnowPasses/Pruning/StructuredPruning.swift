public import WinnowGraph
import WinnowTensor

/// Removes whole channels, with everything that is coupled to them: the network becomes smaller and faster everywhere.
public struct StructuredPruning: Pass {
    public static let name = "structured-pruning"
    public static let summary = "removes the channels that matter least, with everything coupled to them"
    public static let guide = """
        Channels that share an axis are removed together: filters, biases, normalization parameters, the next layer's \
        inputs (also behind Flatten), both sides of a residual addition, depthwise filters, attention heads' widths, hidden units \
        of LSTM and GRU. Normalizations (layer, group, instance, RMS) take their statistics over the channels that are left. \
        Which axes belong together \
        follows from the operators; where an operator does not tell, the channels stay and the report says so. Inputs and \
        outputs of the model keep their shapes. Weights in codes are ranked by the numbers that the codes stand for. The result is \
        run beside the network in which the channels are zero before it is given out. Follow with `finetune`.
        """
    public static let strengths = [Strength.sparsity]

    public enum Scope: String, HyperparameterChoice, Codable { case group, global }

    @Hyperparameter("fraction of the channels to remove", in: 0...1) public var sparsity = 0.5
    @Hyperparameter("what ranks channels by the weights that make them") public var importance: Chosen<ChannelImportances> = "l2"
    @Hyperparameter("the same fraction of each group of channels, or the least important of all groups")
    public var scope = Scope.group
    @Hyperparameter("channels left are a multiple of this", in: 1...1024) public var roundTo = 1
    @Hyperparameter("channels left in every group at least", in: 1...1e6) public var minimumChannels = 1
    @Hyperparameter("leave channels alone that operators outside the ONNX standard read or make: com.microsoft.FastGelu")
    public var standardOnly = true
    @Hyperparameter("remove the channels; otherwise set them to zero and keep all shapes") public var remove = true
    public var choice = WeightChoice()

    public init() {}

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        let settled = try graph.settlingKnownExtents().reshapingWholeGathers()
        let coupling = CouplingGroups(settled, standardOnly: standardOnly)
        let selection = try choice.selection(in: graph)
        let weights = coupling.channelWeights(in: settled)
        var report = ChannelReport(graph, weights)
        var candidates: [RankedChannels] = []
        let removal = ChannelRemoval(settled, coupling)
        let unrestrictable = removal.unrestrictable
        for (group, makers) in coupling.groups(madeBy: weights) {
            if !remove, unrestrictable.contains(group.id) {
                for weight in makers { report.skip(weight, "it is normalized together with extents that are not known: channels can go, zeros would count") }
            } else if let reason = makers.lazy.compactMap({ selection.reason(against: $0.site) }).first {
                for weight in makers { report.keep(weight, reason) }
            } else if let ranked = RankedChannels(group, makers, coupling, settled, importance.member.init()) {
                candidates.append(ranked)
            } else {
                for weight in makers { report.skip(weight, "what it is read as cannot be computed from constants") }
            }
        }
        for weight in weights {
            guard let reason = coupling.protection(of: weight) else { continue }
            if coupling.soundReasons.contains(reason) { report.keep(weight, reason) } else { report.skip(weight, reason) }
        }
        let chosen = choose(candidates)
        guard !chosen.isEmpty else { return PassResult(graph: graph, findings: report.findings(for: graph, removing: [:], coupling, removed: remove)) }
        let masked = try removal.masking(chosen)
        let result = try remove ? removal.removing(chosen) : masked
        var findings = report.findings(for: result, removing: chosen, coupling, removed: remove)
        if remove {
            let doubt = unrestrictable.isDisjoint(with: chosen.keys)
                ? try ChannelVerification(masked, in: context).verify(result)
                : "it was not verified: a normalization takes statistics over extents that are not known"
            if let doubt { findings.append(Finding("graph", .done, reason: doubt)) }
        }
        return PassResult(graph: result, findings: findings)
    }

    /// The channels to remove, by group.
    private func choose(_ candidates: [RankedChannels]) -> [Int: Set<Int>] {
        var counts = candidates.map { Budget.count(sparsity, of: $0.scores.count) }
        if scope == .global {
            let all = candidates.flatMap(\.normalizedScores)
            let total = Budget.count(sparsity, of: all.count)
            let chosen = Set(all.lowest(total))
            var start = 0
            for (index, candidate) in candidates.enumerated() {
                counts[index] = (start..<(start + candidate.scores.count)).count { chosen.contains($0) }
                start += candidate.scores.count
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
}
