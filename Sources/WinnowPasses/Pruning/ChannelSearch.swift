import WinnowEngine
public import WinnowGraph
import WinnowTensor

/// Structured pruning whose widths are searched: random ones that meet the budget, each judged with BatchNormalization
/// statistics taken anew; the best is kept (Li et al. 2020, "EagleEye").
public struct ChannelSearch: Pass {
    public static let name = "channel-search"
    public static let summary =
        "tries random widths that meet a budget, each with new BatchNormalization statistics, and keeps the best"
    public static let guide = """
        Each candidate draws for every group of channels how much of it goes beside the others, and removes the least important \
        channels in these proportions until the budget of `pruning` is met. Running statistics are taken anew, for without them a \
        candidate says little of what it is worth after training, and validation data judges it. The best of all is the result. \
        A stopped search goes on from its last candidate. Follow with `finetune`.
        """

    @Hyperparameter("candidates to judge", in: 1...1e6, rehearsal: 2) public var candidates = 100
    @Hyperparameter("largest fraction of a group that may go", in: 0...1) public var largest = 0.7
    @Hyperparameter("how far from the budget a candidate may be, in points of a hundred", in: 0...100) public var tolerance = 1.0
    @Hyperparameter("the budget, and how channels are ranked and removed") public var pruning = StructuredPruning {
        $0.limits.budget = .macs
    }
    @Hyperparameter("how statistics of BatchNormalization are taken anew") public var statistics = BatchNormReestimation {
        $0.samples = 512
    }

    public init() {}

    public var needs: PassNeeds { max(pruning.needs, .calibration) }

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        guard pruning.limits.cost != nil, pruning.limits.sensitivity == nil, pruning.limits.rules.isEmpty else {
            throw WinnowError(
                .recipe, "pruning", "has no budget of the whole model that alone decides",
                remedy: "choose budget parameters, macs, bytes or latency, without rules and sensitivity")
        }
        guard pruning.repairing.repair == .none else {
            throw WinnowError(.recipe, "repair", "is not done by a search", remedy: "prune with the widths that it finds")
        }
        var context = context
        context.teacher = context.teacher ?? graph
        let groups = try pruning.candidates(in: graph, pruning.choice.selection(in: graph), context)
        guard !groups.ranked.isEmpty else { return try groups.result(without: [:], removed: true, in: context).tellingOfNoWeights }
        let state = try context.state(of: self, on: graph)?.part("candidates")
        var found = try state?.load(Found.self)?.record ?? Found()
        let (bench, validation) = (context.bench, try context.validationData(for: graph))
        let before = try bench.trial(groups.graph, on: validation)
        let start = ContinuousClock.now
        while found.candidates.count < candidates {
            let number = found.candidates.count
            try context.cancellation?.check("candidate \(number + 1)", isKept: state != nil)
            let cut = try cut(number, of: groups, context)
            let score = try isMet(cut) ? bench.trial(pruned(cut.counts, of: groups, context), on: validation).score(beside: before) : nil
            found.candidates.append(Candidate(counts: cut.counts, cost: cut.finding, score: score))
            try state?.save(found)
            context.progress?(ProgressEvent("search", completed: number + 1, of: candidates, unit: "candidates", since: start))
        }
        return try result(found, groups, before.quality, context)
    }

    /// The widths of a candidate: the same for the same seed and number, so that a search may stop and go on.
    private func cut(_ number: Int, of groups: ChannelCandidates, _ context: PassContext) throws -> ChannelCut {
        var random = RandomGenerator(seed: context.seed, stream: 0xEA61E + UInt64(number))
        let order = ChannelOrder(
            groups.ranked.map { group in
                let (share, all) = (Double(1 - random.uniform()), Double(group.scores.count))
                return group.scores.indices.map { index in
                    (Double(index) + 1) / all > largest + 1e-9 ? .infinity : (Double(index) + 0.5) / all / share
                }
            })
        return try ChannelCut(pruning, groups, order, [Int?](repeating: nil, count: groups.ranked.count), in: context)
    }

    private func isMet(_ cut: ChannelCut) -> Bool {
        guard let finding = cut.finding, finding.status == .done, let before = finding.before, let after = finding.after else {
            return false
        }
        return before > 0 && abs(after / before - (1 - pruning.sparsity)) * 100 <= tolerance + 1e-9
    }

    /// The pruned graph with its own statistics.
    private func pruned(_ counts: [Int], of groups: ChannelCandidates, _ context: PassContext) throws -> Graph {
        var quiet = context
        quiet.progress = nil
        return try statistics(groups.graph(without: groups.lowest(counts)), in: quiet).graph
    }

    private func result(
        _ found: Found, _ groups: ChannelCandidates, _ quality: Quality, _ context: PassContext
    ) throws -> PassResult {
        let scores = found.candidates.compactMap(\.score)
        guard let best = found.best else {
            var result = try groups.result(without: [:], removed: true, in: context)
            let reason = "no candidate came within \(tolerance.shortText) points of the budget: raise tolerance or largest"
            result.findings.append(Finding("graph", .skipped, reason: reason))
            return result
        }
        var result = try groups.result(without: groups.lowest(best.counts), removed: true, in: context)
        result.graph = try pruned(best.counts, of: groups, context)
        let worst = Quantity.none.text(quality.measured(scores.min() ?? 0))
        result.findings += best.cost.map { [$0] } ?? []
        result.findings.append(
            Finding(
                "graph", .done, .validation(quality.name), before: quality.measured(quality.score),
                after: scores.max().map(quality.measured), reason: "the best of \(scores.count) candidates, the worst \(worst)"))
        return result
    }

    private struct Candidate: Codable {
        var counts: [Int]
        var cost: Finding?
        /// nil where the budget was not met.
        var score: Double?
    }

    /// The candidates so far.
    private struct Found: Codable {
        var candidates: [Candidate] = []

        /// The first of those with the highest score.
        var best: Candidate? {
            let highest = candidates.compactMap(\.score).max()
            return highest.flatMap { highest in candidates.first { $0.score == highest } }
        }
    }
}
