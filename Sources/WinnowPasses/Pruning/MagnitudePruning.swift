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
        round(sparsity·n) weights (halves to even, as torch.nn.utils.prune does), `total` as many as make that fraction of all, \
        `below` those with |w| below the magnitude of the last that `fraction` takes (PaddleSlim's `ratio`), `count` so many, \
        `threshold` those with |w| ≤ threshold, `standard-deviation` those with |w| ≤ quality·σ of the weights in their tensor (with \
        another importance, its scores and their σ), `percentile` those with |w| ≤ the percentile by one of NumPy's methods, zeros counted. The \
        fraction is of what earlier pruning left: 0.5 twice leaves a quarter. `importance` puts other scores in the place of \
        magnitudes: of activations (wanda), of gradients (taylor, fisher, movement), or with what is left corrected (sparsegpt). \
        `repair` makes up for what went without training. Equal scores are pruned in storage order. Zeros alone do not make an ONNX \
        file smaller; its zipped size shrinks.
        """
    public static let strengths = [Strength.sparsity]

    public enum Mode: String, HyperparameterChoice, Codable {
        case fraction, total, below, count, threshold, percentile
        case standardDeviation = "standard-deviation"
    }

    @Hyperparameter("how weights are chosen") public var mode = Mode.fraction
    @Hyperparameter(
        "fraction of the remaining weights to zero, in modes fraction and below; of all, in mode total", in: 0...1,
        counts: .with("mode", ["fraction", "total", "below"]))
    public var sparsity = 0.5
    @Hyperparameter(
        "weights to zero, of each tensor or of all as `scope` says, in mode count", in: 0...1e12, counts: .with("mode", ["count"]))
    public var count = 0
    @Hyperparameter(
        "largest magnitude, or score of `importance`, that is zeroed, in mode threshold", in: 0...1e30,
        counts: .with("mode", ["threshold"]))
    public var threshold = 0.0
    @Hyperparameter(
        "standard deviations of the weights, or of their scores by `importance`, up to which they are zeroed, in mode standard-deviation",
        in: 0...1e6, counts: .with("mode", ["standard-deviation"]))
    public var quality = 0.5
    @Hyperparameter(
        "percentile of the magnitudes up to which weights are zeroed, in mode percentile", in: 0...100,
        counts: .with("mode", ["percentile"]))
    public var percentile = 50.0
    @Hyperparameter("how the percentile is interpolated", counts: .with("mode", ["percentile"])) public var method = Percentile.Method.linear
    public var rule = PruningRule()
    public var repairing = Repairing()
    public var choice = WeightChoice()

    public init() {}

    public var files: [String] { rule.files }
    public var needs: PassNeeds { max(rule.importance.member.needs, repairing.needs) }
    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        try checkMode()
        var targets = try rule.fittingTargets(in: graph, choice.selection(in: graph))
        let prepared = try rule.prepared(for: targets.targets, in: graph, context)
        for finding in rule.remarks { targets.note(finding) }
        let weights = targets.targets.compactMap { MaskedWeight($0, in: graph) }
        var pruned = PrunedWeights(keepsMasks: rule.keepMask)
        // One tensor after the other, each put away when it is done: models may be larger than the memory.
        let budget = budget(in: mode)
        try prepared.forEach(weights, budget) { weight, cut in
            pruned.add(weight, below: &cut, &targets)
            if let reason = prepared.reservation(about: weight, budget) { targets.note(Finding(weight.weight.tensor, .fellBack, reason: reason)) }
        }
        let repair = try repairing.repair(of: pruned.graph(from: graph), from: graph, targets.targets, context)
        for finding in repair.findings { targets.note(finding) }
        return PassResult(graph: repair.graph, findings: targets.findings)
    }

    /// Throws `.usage` where scores that are only ranks would be compared with numbers.
    private func checkMode() throws {
        guard budget(in: mode).comparesWithNumbers, rule.importance.member.meaning == .ranks else { return }
        let modes = Mode.allCases.filter { !budget(in: $0).comparesWithNumbers }.map(\.rawValue)
        throw WinnowError(
            .usage, "mode \(mode.rawValue)", "compares scores with a number, and those of importance \(rule.importance) are ranks",
            remedy: "choose mode \(modes.joined(separator: ", "))")
    }

    private func budget(in mode: Mode) -> Budget {
        switch mode {
        case .fraction: .fraction(sparsity)
        case .total: .total(sparsity)
        case .below: .below(sparsity)
        case .count: .count(count)
        case .standardDeviation: .deviations(quality)
        case .threshold: .threshold(threshold)
        case .percentile: .percentile(percentile, method)
        }
    }
}

/// Weights that lost elements, as zeros or under masks.
private struct PrunedWeights {
    let keepsMasks: Bool
    private var zeroed: [ValueName: Tensor] = [:]
    private var masks: [ValueName: Tensor] = [:]
    /// The numbers beneath masks, where those that stay changed.
    private var corrected: [ValueName: Tensor] = [:]

    init(keepsMasks: Bool) { self.keepsMasks = keepsMasks }

    mutating func add(_ scored: ScoredWeight, below cut: inout ScoreCut, _ targets: inout WeightTargets) {
        let (before, name) = (scored.weight, scored.weight.tensor)
        // Most runtimes have no product of bfloat16.
        let keepsMask = keepsMasks && before.values.elementType != .bfloat16
        let tensor = (keepsMask ? scored.mask(below: &cut) : scored.zeroed(below: &cut)).spilled()
        let after = keepsMask ? before.masked(by: tensor) : MaskedWeight(name, tensor, mask: nil) ?? before
        targets.note(Finding(name, .done, .sparsity, before: before.sparsity, after: after.sparsity))
        if keepsMasks, !keepsMask {
            targets.note(Finding(name, .fellBack, reason: "the weights beneath are not kept: runtimes do not multiply bfloat16 by a mask"))
        }
        guard after.keptCount < before.keptCount else { return }
        if keepsMask { masks[name] = tensor } else { zeroed[name] = tensor }
        guard scored.isCorrected, keepsMask else { return }
        corrected[name] = before.values
        targets.note(Finding(name, .fellBack, reason: "what stays is corrected, which unprune does not undo"))
    }

    func graph(from graph: Graph) throws -> Graph {
        var edit = GraphEdit()
        for name in graph.initializerNames {
            if let values = zeroed[name] ?? corrected[name] { edit.initializers.append((name, values)) }
        }
        let pruned = try graph.applying(edit).masking(masks)
        guard !zeroed.isEmpty else { return pruned }
        return try pruned.foldingMasks(only: Set(graph.maskNodes.filter { zeroed[$0.weight] != nil }.map(\.mask)))
    }
}

extension Percentile.Method: HyperparameterChoice {}
