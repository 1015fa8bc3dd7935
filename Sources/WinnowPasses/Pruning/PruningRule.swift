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
        var importance = importance.member.init()
        try importance.prepare(for: targets.compactMap(\.sites.first), in: graph, context)
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

    private func scored(_ weight: MaskedWeight) -> ScoredWeight {
        let scores = importance.scores(of: weight).map { scores in
            zip(scores, weight.magnitudesInUse).map { $1 < 0 ? Float(-1) : $0 }
        }
        return rule.pattern.scored(weight, scores, contractions[weight.tensor])
    }

    /// Calls `body` with each weight and what is cut off it, one group of weights that are compared with each other after the other.
    package func forEach(
        _ weights: [MaskedWeight], _ budget: Budget, _ body: (ScoredWeight, inout ScoreCut) throws -> Void
    ) rethrows {
        let groups = rule.scope == .tensor ? weights.map { [$0] } : [weights]
        for group in groups {
            let scored = group.map(scored)
            var cut = rule.pattern.fraction == nil ? budget.cut(of: scored) : .nothing
            for weight in scored { try body(weight, &cut) }
        }
    }

    /// The masks that are left when so much goes.
    package func masks(_ weights: [MaskedWeight], _ budget: Budget) -> [ValueName: Tensor] {
        var masks: [ValueName: Tensor] = [:]
        forEach(weights, budget) { weight, cut in masks[weight.weight.tensor] = weight.mask(below: &cut) }
        return masks
    }
}
