package import WinnowGraph
package import WinnowTensor

/// Which single weights go first.
public struct PruningRule: HyperparameterGroup {
    public enum Scope: String, HyperparameterChoice, Codable {
        /// Each tensor loses the same fraction.
        case tensor
        /// The least of all tensors together.
        case global
    }

    @Hyperparameter("what tells how much a weight matters") public var importance: Chosen<ElementImportances> = "magnitude"
    @Hyperparameter("how weights of different tensors are compared") public var scope = Scope.tensor
    @Hyperparameter("weights that go together: N:M keeps N of every M inputs whatever the sparsity, RxC are blocks of outputs by inputs")
    public var pattern = SparsityPattern.unstructured

    @Hyperparameter("how the score of a block follows from those of its elements") public var blockNorm = BlockNorm.mean
    @Hyperparameter("other sparsities or patterns for some weights; the first rule that matches holds")
    public var rules: [LayerRule] = []
    @Hyperparameter(
        "file of scores for importance custom: npz, safetensors or npy, by the names of the tensors", counts: .with("importance", ["custom"]))
    public var scores: String? = nil
    @Hyperparameter("keep the weights beneath and multiply by a mask node, so that `unprune` can undo it") public var keepMask = false

    public init() {}

    package init(scope: Scope) {
        self.init()
        self.scope = scope
    }

    /// Layer-adaptive magnitudes were a scope before `importance` was there.
    public static func current(_ values: [String: HyperparameterValue]) -> [String: HyperparameterValue] {
        guard values["scope"] == .string("layer-adaptive") else { return values }
        return values.merging(["scope": "global", "importance": "lamp"]) { $1 }
    }

    /// The files that it reads.
    package var files: [String] { scores.map { [$0] } ?? [] }

    /// The weights of a graph that the rule can prune, and why it cannot prune the others.
    package func targets(in graph: Graph, _ selection: Selection) -> WeightTargets {
        WeightTargets(graph, selection) { target in MaskedWeight.objection(to: target.stored) ?? objection(to: target, in: graph) }
    }

    /// The same to begin with. Throws `.recipe` where a pattern is all that stands against the weights: nothing would be done.
    package func fittingTargets(in graph: Graph, _ selection: Selection) throws -> WeightTargets {
        let result = targets(in: graph, selection)
        guard result.targets.isEmpty else { return result }
        let others = WeightTargets(graph, selection) { MaskedWeight.objection(to: $0.stored) }.targets
        guard let first = others.first, let reason = objection(to: first, in: graph) else { return result }
        throw WinnowError(
            .recipe, "pattern \(pattern(of: first))", "fits no weight: \(reason) (\(first.tensor))",
            remedy: "choose another pattern, or unstructured")
    }

    private func objection(to target: WeightTarget, in graph: Graph) -> String? {
        let pattern = pattern(of: target)
        return pattern == .unstructured ? nil : pattern.objection(to: target.sites.first.flatMap { Contraction($0, in: graph) })
    }

    /// The trained graph with the masks of the chosen weights made permanent, unless they are to be kept.
    package func finished(_ graph: Graph, _ selection: Selection) throws -> Graph {
        guard !keepMask else { return graph }
        let chosen = Set(targets(in: graph, selection).targets.map(\.tensor))
        return try graph.foldingMasks(only: Set(graph.maskNodes.filter { chosen.contains($0.weight) }.map(\.mask)))
    }

    /// What is to be said of a scope that makes no difference.
    package var remarks: [Finding] {
        guard scope == .global, pattern == .unstructured, !importance.member.comparesTensors else { return [] }
        return [Finding("graph", .fellBack, reason: "\(importance) prunes each tensor for itself: scope global is the same as tensor")]
    }

    private func pattern(of target: WeightTarget) -> SparsityPattern { rules.first { $0.matches(target) }?.settings.pattern ?? pattern }

    /// The rule ready to prune these weights of a graph.
    package func prepared(for targets: [WeightTarget], in graph: Graph, _ context: PassContext) throws -> PreparedPruning {
        if let scores, importance.member != CustomImportance.self {
            throw WinnowError(
                .recipe, "scores \(scores)", "are not read by importance \(importance)", remedy: "set importance to custom")
        }
        // Throws for globs that match nothing.
        for rule in rules { try rule.check(in: graph) }
        var importance = importance.member.init()
        try importance.prepare(for: targets, scores: scores, in: graph, context)
        var prepared = PreparedPruning(rule: self, importance: importance)
        for target in targets {
            prepared.rules[target.tensor] = rules.first { $0.matches(target) }?.settings
            guard pattern(of: target) != .unstructured else { continue }
            prepared.contractions[target.tensor] = target.sites.first.flatMap { Contraction($0, in: graph) }
        }
        return prepared
    }
}

/// A pruning rule that has seen the data and the layers of the weights it is to prune.
package struct PreparedPruning: Sendable {
    fileprivate let rule: PruningRule
    fileprivate let importance: any ElementImportance
    fileprivate var contractions: [ValueName: Contraction] = [:]
    /// The rules of weights that have one of their own.
    fileprivate var rules: [ValueName: PruningSettings] = [:]

    fileprivate init(rule: PruningRule, importance: any ElementImportance) {
        self.rule = rule
        self.importance = importance
    }

    private func pattern(of weight: MaskedWeight) -> SparsityPattern { rules[weight.tensor]?.pattern ?? rule.pattern }

    private func scored(_ weight: MaskedWeight, _ budget: Budget) -> ScoredWeight {
        if let corrected = importance.corrected(weight, pattern(of: weight), budget) {
            return ScoredWeight(weight, corrected: corrected)
        }
        let scores = importance.scores(of: weight).map { scores in
            zip(scores, weight.magnitudesInUse).map { $1 < 0 ? Float(-1) : $0 }
        }
        var result = pattern(of: weight).scored(weight, scores, contractions[weight.tensor], by: rule.blockNorm)
        result.fallsBack = scores == nil && meaning != .magnitudes
        return result
    }

    private var meaning: ScoreMeaning { type(of: importance).meaning }

    /// What is to be said of a weight that was not pruned as asked for; nil: it was.
    package func reservation(about weight: ScoredWeight, _ budget: Budget) -> String? {
        guard weight.fallsBack else { return nil }
        return """
            \(type(of: importance).name) knows nothing of it, for its layer does not tell its inputs, the data shows it only zeros \
            or no float32 loss depends on it: \(budget.isThreshold ? "it stays, as a threshold of scores is none of magnitudes" : "magnitudes count")
            """
    }

    /// Calls `body` with each weight and what is cut off it, one group of weights that are compared with each other after the other.
    /// `reach` is how far a schedule has come: the present part of the sparsity at its end. Throws `.usage` for a count of more than are left.
    package func forEach(
        _ weights: [MaskedWeight], _ budget: Budget, reach: Double = 1, _ body: (ScoredWeight, inout ScoreCut) throws -> Void
    ) throws {
        let common = weights.filter { rules[$0.tensor] == nil }
        let own = weights.filter { rules[$0.tensor] != nil }
        let groups = rule.scope == .tensor || budget.isThreshold ? weights.map { [$0] } : [common] + own.map { [$0] }
        for group in groups {
            guard let first = group.first else { continue }
            let budget = rules[first.tensor]?.budget(in: budget, reach: reach) ?? budget
            for (scored, rest) in try compared(group, budget) {
                var cut = pattern(of: first).fraction == nil ? rest.cut(of: scored.filter { !$0.isCorrected }) : .nothing
                for weight in scored {
                    var own = weight.isCorrected ? .nothing : cut
                    try body(weight, &own)
                    if !weight.isCorrected { cut = own }
                }
            }
        }
    }

    /// The weights of a group with scores, those together that one cut is made for, and what it is made by.
    private func compared(_ group: [MaskedWeight], _ budget: Budget) throws -> [(weights: [ScoredWeight], budget: Budget)] {
        // What an importance corrects it prunes by itself.
        var parts = group.map { _ in budget }
        if case .count(let count) = budget, group.count > 1 {
            let shares = SharedCount.shares(of: count, among: group.map(\.keptCount), gone: group.map { _ in 0 })
            parts = shares.map { .count($0) }
        }
        let scored = zip(group, parts).map { self.scored($0, $1) }
        guard let first = group.first, pattern(of: first).fraction == nil else { return [(scored, budget)] }
        if case .count(let count) = budget {
            let left = zip(group, scored).reduce(0) { $0 + ($1.1.isCorrected ? $1.0.keptCount : $1.1.leftCount) }
            try budget.check(left: left, group.count == 1 ? "count for \(first.tensor)" : "count")
            let corrected = zip(scored, parts).reduce(0) { sum, part in
                if part.0.isCorrected, case .count(let own) = part.1 { sum + own } else { sum }
            }
            return [(scored, .count(count - corrected))]
        }
        guard budget.comparesWithNumbers else { return [(scored, budget)] }
        guard meaning == .numbers else {
            return [(scored, budget.resolved(for: group, areMagnitudes: pattern(of: first) == .unstructured))]
        }
        // Magnitudes are no such numbers: they only have a deviation of their own.
        let known = scored.filter { !$0.fallsBack }
        return [(known, budget.resolved(by: known.filter { !$0.isCorrected }, zero: importance.zero))]
            + scored.filter(\.fallsBack).map { ([$0], budget.isThreshold ? .count(0) : budget.resolved(for: [$0.weight])) }
    }

    /// The masks that are left when so much goes.
    package func masks(_ weights: [MaskedWeight], _ budget: Budget, reach: Double = 1) throws -> [ValueName: Tensor] {
        var masks: [ValueName: Tensor] = [:]
        try forEach(weights, budget, reach: reach) { weight, cut in masks[weight.weight.tensor] = weight.mask(below: &cut) }
        return masks
    }
}
