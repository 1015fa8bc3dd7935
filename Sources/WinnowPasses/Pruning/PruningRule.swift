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

    @Hyperparameter("file of scores for importance custom: npz, safetensors or npy, by the names of the tensors")
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

    /// The weights of a graph that the rule can prune, and why it cannot prune the others.
    package func targets(in graph: Graph, _ selection: Selection) -> WeightTargets {
        WeightTargets(graph, selection) { target in
            MaskedWeight.objection(to: target.stored)
                ?? (pattern == .unstructured ? nil : pattern.objection(to: target.sites.first.flatMap { Contraction($0, in: graph) }))
        }
    }

    /// The rule ready to prune these weights of a graph.
    package func prepared(for targets: [WeightTarget], in graph: Graph, _ context: PassContext) throws -> PreparedPruning {
        if let scores, importance.member != CustomImportance.self {
            throw WinnowError(
                .recipe, "scores \(scores)", "are not read by importance \(importance)", remedy: "set importance to custom")
        }
        var importance = importance.member.init()
        try importance.prepare(for: targets, by: self, in: graph, context)
        let contractions = pattern == .unstructured ? [] : targets.compactMap { target in
            target.sites.first.flatMap { Contraction($0, in: graph) }.map { (target.tensor, $0) }
        }
        return PreparedPruning(
            rule: self, importance: importance, contractions: Dictionary(contractions, uniquingKeysWith: { first, _ in first }))
    }
}

/// A pruning rule that has seen the data and the layers of the weights it is to prune.
package struct PreparedPruning: Sendable {
    fileprivate let rule: PruningRule
    fileprivate let importance: any ElementImportance
    fileprivate let contractions: [ValueName: Contraction]

    private func scored(_ weight: MaskedWeight, _ budget: Budget) -> ScoredWeight {
        if let corrected = importance.corrected(weight, rule.pattern, budget) {
            return ScoredWeight(weight, corrected: corrected)
        }
        let scores = importance.scores(of: weight).map { scores in
            zip(scores, weight.magnitudesInUse).map { $1 < 0 ? Float(-1) : $0 }
        }
        var result = rule.pattern.scored(weight, scores, contractions[weight.tensor])
        result.fallsBack = scores == nil && type(of: importance) != MagnitudeImportance.self
        return result
    }

    /// What is to be said of weights whose magnitudes count although another importance was asked for.
    package var fallback: String {
        """
        \(type(of: importance).name) knows nothing of it, for its layer does not tell its inputs or no float32 loss depends on it: \
        magnitudes count
        """
    }

    /// Calls `body` with each weight and what is cut off it, one group of weights that are compared with each other after the other.
    package func forEach(
        _ weights: [MaskedWeight], _ budget: Budget, _ body: (ScoredWeight, inout ScoreCut) throws -> Void
    ) rethrows {
        let groups = rule.scope == .tensor ? weights.map { [$0] } : [weights]
        for group in groups {
            let scored = group.map { self.scored($0, budget) }
            var cut = rule.pattern.fraction == nil ? budget.cut(of: scored.filter { !$0.isCorrected }) : .nothing
            for weight in scored {
                var own = weight.isCorrected ? .nothing : cut
                try body(weight, &own)
                if !weight.isCorrected { cut = own }
            }
        }
    }

    /// The masks that are left when so much goes.
    package func masks(_ weights: [MaskedWeight], _ budget: Budget) -> [ValueName: Tensor] {
        var masks: [ValueName: Tensor] = [:]
        forEach(weights, budget) { weight, cut in masks[weight.weight.tensor] = weight.mask(below: &cut) }
        return masks
    }
}
