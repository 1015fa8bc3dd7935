import WinnowEngine
package import WinnowGraph
package import WinnowKernels
import WinnowTensor

/// Sets the weights of smallest magnitude to zero, in one shot.
package struct MagnitudePruning: Pass {
    package static let name = "magnitude-pruning"
    package static let summary = "sets the weights of smallest magnitude to zero"
    package static let guide = """
        Zeroes single weights of Conv, Gemm and MatMul by magnitude; biases and normalization stay. `fraction` prunes \
        round(sparsity·n) weights (halves to even, as torch.nn.utils.prune does), `threshold` those with |w| ≤ threshold, \
        `percentile` those with |w| ≤ the percentile by one of NumPy's methods. The fraction is of what earlier pruning \
        left: 0.5 twice leaves a quarter. Equal magnitudes are pruned in storage order. Zeros alone do not make an ONNX \
        file smaller; its zipped size shrinks.
        """

    package enum Mode: String, HyperparameterChoice, Codable { case fraction, threshold, percentile }
    package enum Scope: String, HyperparameterChoice, Codable {
        /// Each tensor loses the same fraction.
        case tensor
        /// The smallest of all tensors together.
        case global
        /// Magnitudes of all tensors together, each w² divided by the sum of squares not smaller in its tensor
        /// (LAMP; Lee et al. 2021, equation 3).
        case layerAdaptive = "layer-adaptive"
    }

    @Hyperparameter("how weights are chosen") package var mode = Mode.fraction
    @Hyperparameter("fraction of the remaining weights to zero, in mode fraction", in: 0...1) package var sparsity = 0.5
    @Hyperparameter("largest magnitude that is zeroed, in mode threshold", in: 0...1e30) package var threshold = 0.0
    @Hyperparameter("percentile of the magnitudes up to which weights are zeroed, in mode percentile", in: 0...100)
    package var percentile = 50.0
    @Hyperparameter("how the percentile is interpolated") package var method = Percentile.Method.linear
    @Hyperparameter("how weights of different tensors are compared") package var scope = Scope.tensor
    @Hyperparameter("keep the weights beneath and multiply by a mask node, so that `unprune` can undo it")
    package var keepMask = false
    @Hyperparameter("globs of tensors or nodes to prune; empty: all") package var only: [String] = []
    @Hyperparameter("globs of tensors or nodes to leave alone") package var except: [String] = []

    package init() {}

    package func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        let selection = try Selection(only: only, except: except, in: graph)
        var ledger = WeightLedger(graph)
        var weights: [MaskedWeight] = []
        for site in graph.weightSites where !weights.contains(where: { $0.tensor == site.tensor }) {
            if let reason = selection.reason(against: site) {
                ledger.keep(site.tensor, reason)
            } else if let weight = MaskedWeight(site, in: graph) {
                weights.append(weight)
            } else {
                ledger.skip(
                    site.tensor, "is \(graph.initializers[site.tensor]?.elementType.description ?? "gone"), not float32"
                )
            }
        }
        let pruned = prune(weights)
        for (before, after) in zip(weights, pruned) {
            ledger.note(Finding(before.tensor, quantity: "sparsity", before: before.sparsity, after: after.sparsity))
        }
        var result = graph
        let changed = zip(weights, pruned).filter { $0.kept != $1.kept }.map(\.1)
        if !changed.isEmpty {
            result = try graph.masking(Dictionary(changed.map { ($0.tensor, $0.kept) }, uniquingKeysWith: { $1 }))
            if !keepMask { result = try result.foldingMasks() }
        }
        return PassResult(graph: result, findings: ledger.findings { _ in "is no weight that data is multiplied with" })
    }

    /// The weights with fewer of them kept.
    package func prune(_ weights: [MaskedWeight]) -> [MaskedWeight] {
        let scores = weights.map { scope == .layerAdaptive ? $0.layerAdaptiveScores : $0.values.map(\.magnitude) }
        guard scope != .tensor else {
            return zip(weights, scores).map { $0.keeping(kept(of: $1, kept: $0.kept)) }
        }
        let all = kept(of: scores.flatMap { $0 }, kept: weights.flatMap(\.kept))
        var start = 0
        return weights.map { weight in
            defer { start += weight.values.count }
            return weight.keeping(Array(all[start..<(start + weight.values.count)]))
        }
    }

    /// The weights pruned further until `sparsity` of all of them (of each tensor, in scope tensor) are gone.
    package func prune(_ weights: [MaskedWeight], to sparsity: Double) -> [MaskedWeight] {
        func amount(_ parts: [MaskedWeight]) -> Double {
            let total = parts.reduce(0) { $0 + $1.kept.count }
            let kept = parts.reduce(0) { $0 + $1.kept.count { $0 } }
            let wanted = max(0, MagnitudeCriterion.count(sparsity, of: total) - (total - kept))
            return kept == 0 ? 0 : Double(wanted) / Double(kept)
        }
        var step = self
        step.mode = .fraction
        guard scope == .tensor else {
            step.sparsity = amount(weights)
            return step.prune(weights)
        }
        return weights.flatMap { weight in
            step.sparsity = amount([weight])
            return step.prune([weight])
        }
    }

    private func kept(of magnitudes: [Float], kept: [Bool]) -> [Bool] {
        var result = kept
        switch mode {
        case .fraction:
            let count = MagnitudeCriterion.count(sparsity, of: kept.count { $0 })
            for index in MagnitudeCriterion.smallest(count, of: magnitudes, kept: kept) { result[index] = false }
        case .threshold: Self.drop(&result, magnitudes, upTo: threshold)
        case .percentile:
            let sorted = zip(magnitudes, kept).filter(\.1).map { Double($0.0) }.sorted()
            guard !sorted.isEmpty else { return kept }
            Self.drop(&result, magnitudes, upTo: Percentile.value(percentile, ofSorted: sorted, method) ?? -1)
        }
        return result
    }

    private static func drop(_ kept: inout [Bool], _ magnitudes: [Float], upTo limit: Double) {
        for index in kept.indices where Double(magnitudes[index]) <= limit { kept[index] = false }
    }
}

extension Percentile.Method: HyperparameterChoice {}
