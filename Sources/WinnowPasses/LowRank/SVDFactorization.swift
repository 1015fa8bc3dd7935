import WinnowEngine
public import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor

/// Puts layers of lower rank in the place of Gemm, MatMul, Einsum and convolutions, by truncated decompositions of their weights.
///
/// W ≈ U_r√Σ · √ΣV_rᵀ, the nearest matrix of rank r (Eckart and Young 1936).
/// ```
/// %2 = Gemm(%1, @w, @b)   →   %h = Gemm(%1, @w.right);  %2 = Gemm(%h, @w.left, @b)
/// ```
public struct SVDFactorization: Pass {
    public static let name = "svd-factorization"
    public static let summary = "splits layers into several of lower rank where that saves parameters and arithmetic"
    public static let guide = """
        A Gemm, a MatMul, or an Einsum that multiplies with a weight becomes two, matrices side by side each by themselves; a k×k Conv or ConvTranspose becomes k×k with few channels and 1×1 (channel), k×1 and 1×k \
        (spatial), 1×1, k×k and 1×1 between few channels (tucker-2), or 1×1, k×1 and 1×k for each channel, and 1×1 (cp); \
        groups each by themselves. The rank of a layer keeps a part of the energy Σσ², stands out of noise (evbmf), is given, \
        or a fraction of the full rank; `size` finds those of all layers together, so that the model costs a part of what it \
        did, and `max-drop` the smallest size with which accuracy holds. `weighting` lets errors count as much as the layer's \
        inputs, or the loss, make of them. Layers that would not become smaller and faster stay. Follow with `finetune`.
        """
    public static let strengths = [
        Strength("rank-fraction", none: 1, rising: [0.75, 0.5, 0.25]),
        Strength("energy", none: 1, rising: [0.99, 0.9, 0.5]),
        Strength("size", none: 1, rising: [0.8, 0.6, 0.3]),
    ]

    public var ranking = RankChoice()
    @Hyperparameter("how convolutions are split") public var convolutions: Chosen<ConvolutionSplits> = "channel"
    @Hyperparameter(
        "what errors of the factors are weighted by: activations, on calibration data, are those of the layer's outputs"
    )
    public var weighting: Chosen<FactorWeightings> = "none"
    @Hyperparameter(
        "calibration samples to run at most, with weighting activations", in: 1...1e9, counts: .with("weighting", ["activations"]))
    public var samples = 512
    @Hyperparameter("split tables whose rows are looked up too") public var tables = false
    public var choice = WeightChoice()

    public init() {}

    public var needs: PassNeeds { ranking.maxDrop == nil ? weighting.member.needs : .calibration }

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        try ranking.check()
        var known: DecomposedWeights?
        guard let drop = ranking.maxDrop else { return try factorizing(graph, within: ranking.size, &known, context) }
        var bound = try DropBound(drop, from: graph, context)
        var quiet = context
        quiet.progress = nil
        return try bound.smallest(from: ranking.size ?? 0) { try factorizing(graph, within: $0, &known, quiet) }
    }

    /// - Parameters:
    ///   - size: the part of the model's cost that may be left; nil: ranks of each layer by itself.
    ///   - known: what was found for another size.
    private func factorizing(
        _ graph: Graph, within size: Double?, _ known: inout DecomposedWeights?, _ context: PassContext
    ) throws -> PassResult {
        var plan: FactorPlan?
        var unweighted: Set<ValueName> = []
        var result = try graph.rewritingWeights(
            choice, tables: tables ? .all : .none,
            prepare: { graph, selection, isBody in
                let chosen = Set(graph.weightSites.filter { selection.reason(against: $0) == nil }.map(\.tensor))
                let stored = try graph.sharingReadings(of: chosen).storingWeightsAsRead { selection.reason(against: $0) == nil }
                let weights = isBody ? nil : known
                let own =
                    try weights ?? DecomposedWeights(self, stored, from: graph, selection, isBody: isBody, context)
                if !isBody { known = own }
                let found =
                    try size.map { try FactorPlan(own, in: stored, isBody: isBody, ranking, share: $0, context) }
                    ?? FactorPlan(own, ranking)
                (plan, unweighted) = (found, own.unweighted)
                let split = Set(found.choices.filter { (try? $0.value.get()) != nil }.keys)
                return try graph.sharingReadings(of: split).storingWeightsAsRead { split.contains($0.tensor) }
            }
        ) { targets in
            var result = targets.graph
            for target in targets.targets {
                do throws(Refusal) {
                    guard let choice = try plan?.choices[target.tensor]?.get() else {
                        throw Refusal("it is not read as a weight")
                    }
                    try put(choice, inPlaceOf: target, in: &result, &targets)
                    if unweighted.contains(target.tensor) {
                        let isRecurrent = target.sites.contains { $0.node.op is any InputProduct }
                        let reason = isRecurrent ? "inputs of a recurrent layer's gates are not weighted" : "of its inputs nothing is known"
                        targets.note(Finding(target.tensor, .fellBack, reason: "\(reason): all its elements count alike"))
                    }
                } catch {
                    if error.isMeant { targets.keep(target, error.reason) } else { targets.skip(target, error.reason) }
                }
            }
            return result
        }
        result.findings += plan?.finding.map { [$0] } ?? []
        return result
    }

    private func put(
        _ choice: FactorPlan.Choice, inPlaceOf target: WeightTarget, in graph: inout Graph,
        _ targets: inout WeightTargets
    ) throws(Refusal) {
        let (weight, ranks) = choice
        let factors = try weight.decomposition.factors(ranks)
        let type = target.stored.elementType
        guard factors.weights.allSatisfy({ $0.converted(to: type).finiteness == nil }) else { throw Refusal("its factors are too large for \(type)") }
        do { graph = try graph.applying(weight.edit(ranks, factors.weights, &targets.names)) } catch {
            throw Refusal("the layers do not fit: \(error)")
        }
        let count = factors.weights.reduce(0) { $0 + $1.elementCount }
        targets.note(
            Finding(
                target.tensor, .done, .parameters, before: Double(target.stored.elementCount), after: Double(count),
                reason: "\(weight.rankText(ranks)), energy \((factors.energy * 1e4).rounded() / 1e4)"))
        for (rank, spectrum) in zip(ranks, weight.decomposition.spectra) {
            let parts = [0.5, 0.9, 0.99].filter { $0 <= spectrum.energy(rank: spectrum.squares.count) }
                .map { "\($0.shortText) in \(spectrum.rank(energy: $0))" }.joined(separator: ", ")
            var finding = Finding(
                target.tensor, .done, .rank, before: Double(spectrum.count), after: Double(rank),
                reason: parts.isEmpty ? "" : "of the energy \(parts)")
            finding.energy = Finding.EnergyCurve(spectrum, through: rank)
            targets.note(finding)
        }
        targets.note(
            Finding(
                target.tensor, .done, .relativeChange, after: factors.relativeError,
                reason: "of the weight that the layers together are"))
        if weight.countsOutputs {
            targets.note(
                Finding(
                    target.tensor, .done, .layerError, after: max(0, 1 - factors.energy).squareRoot(),
                    reason: "on calibration data"))
        }
    }
}
