public import WinnowGraph
import WinnowTensor

/// Removes whole channels, with everything that is coupled to them: the network becomes smaller and faster everywhere.
public struct StructuredPruning: Pass {
    public static let name = "structured-pruning"
    public static let summary = "removes the channels that matter least, with everything coupled to them"
    public static let guide = """
        Channels that share an axis are removed together: filters, biases, normalization parameters, the next layer's \
        inputs (also behind Flatten), both sides of a residual addition, depthwise filters, attention heads' widths, hidden units \
        of LSTM and GRU. Branches of If and bodies of Loop and Scan are pruned with what is around them, \
        bodies each for itself where data is asked for; where `budget` counts a cost they are left alone. Channels that are read by constant indices are \
        followed. Normalizations (layer, group, instance, RMS) take their statistics over the channels that are left. \
        Which axes belong together \
        follows from the operators; where an operator does not tell, the channels stay and the report says so. Inputs and \
        outputs of the model keep their shapes. Weights in codes are ranked by the numbers that the codes stand for; of several \
        weights that make the same channels `reduce` tells how they count. `budget` \
        says what `sparsity` removes a fraction of; the fewest channels go with which no more than the rest is left. The result is \
        run beside the network in which the channels are zero before it is given out. `repair` makes up for what went without \
        training. Follow with `batch-norm-reestimation` and `finetune`.
        """
    public static let strengths = [Strength.sparsity]

    public enum Scope: String, HyperparameterChoice, Codable {
        /// Each group loses the same fraction.
        case group
        /// The least of all groups, scores compared after division by their group's mean.
        case global
        /// The same, scores compared as they are (EasyPruner's `Ratio`).
        case absolute
        /// Groups whose channels pass through the same operators are ranked together (Fang et al. 2024).
        case isomorphic
    }

    @Hyperparameter(
        "fraction to remove: of the channels, or of what budget counts", in: 0...1,
        counts: .with("budget", ["channels", "parameters", "macs", "bytes", "latency"]), .absent("max-loss"))
    public var sparsity = 0.5
    @Hyperparameter("what ranks channels") public var importance: Chosen<ChannelImportances> = "l2"
    @Hyperparameter(
        "the same fraction of each group, or the least important of all: by scores over their group's mean, or as they are, or of one structure")
    public var scope = Scope.group
    @Hyperparameter("channels left are a multiple of this; 0: of what kernels on this machine take at once", in: 0...1024)
    public var roundTo = 1
    @Hyperparameter("channels left in every group at least", in: 1...1e6) public var minimumChannels = 1
    @Hyperparameter("largest fraction of a group that may go", in: 0...1) public var largest = 1.0
    @Hyperparameter("leave channels alone that operators outside the ONNX standard read or make: com.microsoft.FastGelu")
    public var standardOnly = true
    @Hyperparameter("remove the channels; otherwise set them to zero and keep all shapes") public var remove = true
    public var limits = ChannelBudget()
    public var ranking = ChannelRanking()
    public var repairing = Repairing()
    public var choice = WeightChoice()

    public init() {}

    public var files: [String] { limits.sensitivity.map { [$0] } ?? [] }
    public var needs: PassNeeds { max(importance.member.needs, repairing.needs) }

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        let graph = try graph.takingKnownBranches()
        let selection = try choice.selection(in: graph)
        let unfolded = try UnfoldedBranches(graph, leavesAlone: !spreadsBranches, repeats: limits.cost == nil)
        let bodies = try PrunedBodies(of: unfolded.graph, self, selection, context)
        var candidates = try candidates(in: bodies.result.graph, selection, context)
        candidates.branches = unfolded
        try limits.checkRules(candidates.ranked.flatMap(\.names) + bodies.names)
        let cut = try ChannelCut(self, candidates, in: context)
        let chosen = candidates.lowest(cut.counts)
        let repair = try repairing.repair(of: candidates.removal.graph, losing: chosen, candidates.coupling, context)
        var result = try candidates.telling(of: cut).repaired(repair.graph).result(without: chosen, removed: remove, in: context)
        result.findings += repair.findings + bodies.result.findings
        result.findings += cut.finding.map { [$0] } ?? []
        for index in result.findings.indices { result.findings[index].subject = unfolded.path(of: result.findings[index].subject) }
        result.graph = try unfolded.folding(result.graph)
        return result.tellingOfNoWeights
    }

    /// Whether channels are followed across the borders of branches: not where data would have to run through both.
    private var spreadsBranches: Bool {
        needs == .nothing && limits.sensitivity == nil && limits.cost != .latency
    }

    /// The groups that may lose channels, ranked.
    func candidates(
        in graph: Graph, _ selection: Selection, _ context: PassContext, isBody: Bool = false
    ) throws -> ChannelCandidates {
        let settled = try graph.settlingKnownExtents().reshapingWholeGathers()
        let coupling = CouplingGroups(settled, standardOnly: standardOnly, isBody: isBody)
        let weights = coupling.channelWeights(in: settled)
        var report = ChannelReport(graph, weights, limits)
        var candidates: [RankedChannels] = []
        let removal = ChannelRemoval(settled, coupling)
        let unrestrictable = removal.unrestrictable
        for (group, makers) in coupling.groups(madeBy: weights) {
            if !remove, unrestrictable.contains(group.id) {
                let reason = "it is normalized together with extents that are not known: channels can go, zeros would count"
                for weight in makers { report.skip(weight, reason) }
            } else if let reason = makers.lazy.compactMap({ selection.reason(against: $0.site) }).first {
                for weight in makers { report.keep(weight, reason) }
            } else if let ranked = RankedChannels(group, makers, coupling, settled) {
                guard let (tensor, reason) = ranked.flawed else { candidates.append(ranked); continue }
                for weight in makers {
                    report.skip(weight, weight.tensor == tensor ? reason : "\(tensor), which makes the same channels, is not finite")
                }
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
        return ChannelCandidates(
            graph: graph, coupling: coupling, ranked: candidates, removal: removal, report: report)
    }
}

extension StructuredPruning: HyperparameterConvertible {}
