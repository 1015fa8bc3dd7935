import WinnowEngine
public import WinnowGraph
public import WinnowKernels
import WinnowTensor

/// Sets the weights of smallest magnitude to zero, in one shot.
public struct MagnitudePruning: Pass {
    public static let name = "magnitude-pruning"
    public static let summary = "sets the weights of smallest magnitude to zero"
    public static let guide = """
        Zeroes single weights of Conv, Gemm and MatMul by magnitude; biases and normalization stay. `fraction` prunes \
        round(sparsity·n) weights (halves to even, as torch.nn.utils.prune does), `threshold` those with |w| ≤ threshold, \
        `percentile` those with |w| ≤ the percentile by one of NumPy's methods. The fraction is of what earlier pruning \
        left: 0.5 twice leaves a quarter. `importance` puts other scores in the place of magnitudes. Equal scores are pruned in \
        storage order. Zeros alone do not make an ONNX \
        file smaller; its zipped size shrinks.
        """

    public enum Mode: String, HyperparameterChoice, Codable { case fraction, threshold, percentile }

    @Hyperparameter("how weights are chosen") public var mode = Mode.fraction
    @Hyperparameter("fraction of the remaining weights to zero, in mode fraction", in: 0...1) public var sparsity = 0.5
    @Hyperparameter("largest magnitude that is zeroed, in mode threshold", in: 0...1e30) public var threshold = 0.0
    @Hyperparameter("percentile of the magnitudes up to which weights are zeroed, in mode percentile", in: 0...100)
    public var percentile = 50.0
    @Hyperparameter("how the percentile is interpolated") public var method = Percentile.Method.linear
    public var rule = PruningRule()
    @Hyperparameter("keep the weights beneath and multiply by a mask node, so that `unprune` can undo it")
    public var keepMask = false
    public var choice = WeightChoice()

    public init() {}

    public var needs: PassNeeds { rule.importance.member.needs }
    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        let selection = try choice.selection(in: graph)
        var ledger = WeightLedger(graph)
        var weights: [MaskedWeight] = []
        var sites: [WeightSite] = []
        for site in graph.weightSites where !weights.contains(where: { $0.tensor == site.tensor }) {
            if let reason = selection.reason(against: site) {
                ledger.keep(site.tensor, reason)
            } else if let weight = MaskedWeight(site, in: graph) {
                weights.append(weight)
                sites.append(site)
            } else {
                ledger.skip(site.tensor, MaskedWeight.refusal(graph.initializers[site.tensor]))
            }
        }
        let importance = try rule.prepared(for: sites, in: graph, context)
        var zeroed: [ValueName: Tensor] = [:]
        var masks: [ValueName: Tensor] = [:]
        // One tensor after the other, each put away when it is done: models may be larger than the memory.
        for group in groups(weights, importance) {
            var cut = cut(of: group)
            for weight in group {
                var after = weight
                after.scores = nil
                // Most runtimes have no product of bfloat16.
                let keepsMask = keepMask && weight.values.elementType != .bfloat16
                if keepsMask {
                    after.mask = weight.mask(below: &cut).spilled()
                } else {
                    after.values = weight.zeroed(below: &cut).spilled()
                    after.mask = nil
                }
                ledger.note(Finding(weight.tensor, quantity: "sparsity", before: weight.sparsity, after: after.sparsity))
                if keepMask, !keepsMask {
                    ledger.note(Finding(weight.tensor, .fellBack, reason: "the weights beneath are not kept: runtimes do not multiply bfloat16 by a mask"))
                }
                guard after.keptCount < weight.keptCount else { continue }
                if keepsMask { masks[weight.tensor] = after.mask } else { zeroed[weight.tensor] = after.values }
            }
        }
        var edit = GraphEdit()
        for name in graph.initializerNames { if let values = zeroed[name] { edit.initializers.append((name, values)) } }
        let pruned = try graph.applying(edit).masking(masks)
        let folded = keepMask ? Set(graph.maskNodes.filter { zeroed[$0.weight] != nil }.map(\.mask)) : nil
        return PassResult(
            graph: zeroed.isEmpty ? pruned : try pruned.foldingMasks(only: folded),
            findings: ledger.findings { _ in "is no weight that data is multiplied with" })
    }

    /// The weights with fewer of them kept.
    package func prune(_ weights: [MaskedWeight], by importance: any ElementImportance = MagnitudeImportance()) -> [MaskedWeight] {
        groups(weights, importance).flatMap { group in
            var cut = cut(of: group)
            return group.map { weight in
                var result = weight
                result.mask = weight.mask(below: &cut)
                result.scores = nil
                return result
            }
        }
    }

    /// Which weights are compared with each other, scored one group after the other.
    private func groups(_ weights: [MaskedWeight], _ importance: any ElementImportance) -> some Sequence<[MaskedWeight]> {
        let groups = rule.scope == .tensor ? weights.map { [$0] } : weights.isEmpty ? [] : [weights]
        return groups.lazy.map { $0.map { $0.scored(by: importance) } }
    }

    /// The weights pruned further until `sparsity` of all of them (of each tensor, in scope tensor) are gone.
    package func prune(
        _ weights: [MaskedWeight], to sparsity: Double, by importance: any ElementImportance = MagnitudeImportance()
    ) -> [MaskedWeight] {
        func amount(_ parts: [MaskedWeight]) -> Double {
            let total = parts.reduce(0) { $0 + $1.count }
            let kept = parts.reduce(0) { $0 + $1.keptCount }
            let wanted = max(0, MagnitudeCriterion.count(sparsity, of: total) - (total - kept))
            return kept == 0 ? 0 : Double(wanted) / Double(kept)
        }
        var step = self
        step.mode = .fraction
        guard rule.scope == .tensor else {
            step.sparsity = amount(weights)
            return step.prune(weights, by: importance)
        }
        return weights.flatMap { weight in
            step.sparsity = amount([weight])
            return step.prune([weight], by: importance)
        }
    }

    private func cut(of group: [MaskedWeight]) -> PruningCut {
        let kept = group.reduce(0) { $0 + $1.keptCount }
        let unused = group.reduce(0) { $0 + $1.count } - kept
        func smallest(_ count: Int) -> WinnowKernels.Selection.Cut {
            // Weights not in use have the lowest scores.
            WinnowKernels.Selection.smallest(unused + count) { take in for weight in group { weight.visitScores(take) } }
        }
        func upTo(_ limit: Double) -> PruningCut {
            let nearest = Float(limit)
            return PruningCut(limit: Double(nearest) > limit ? nearest.nextDown : nearest, ties: .max)
        }
        guard kept > 0 else { return .nothing }
        switch mode {
        case .threshold: return upTo(threshold)
        case .percentile: return upTo(Percentile.value(percentile, count: kept, method) { smallest($0 + 1).threshold } ?? -1)
        case .fraction:
            let count = MagnitudeCriterion.count(sparsity, of: kept)
            guard count > 0, count < kept else { return count == 0 ? .nothing : PruningCut(limit: .infinity, ties: .max) }
            let cut = smallest(count)
            return cut.threshold.map { PruningCut(limit: $0, ties: cut.tieCount) } ?? .nothing
        }
    }
}

extension Percentile.Method: HyperparameterChoice {}
