public import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor

/// Splits Gemm, MatMul and Conv into two of lower rank by truncated singular value decomposition.
///
/// W ≈ U_r√Σ · √ΣV_rᵀ, the nearest matrix of rank r (Eckart and Young 1936).
/// ```
/// %2 = Gemm(%1, @w, @b)   →   %h = Gemm(%1, @w.right);  %2 = Gemm(%h, @w.left, @b)
/// ```
public struct SVDFactorization: Pass {
    public static let name = "svd-factorization"
    public static let summary = "splits layers into two of lower rank where that saves parameters"
    public static let guide = """
        A Gemm or MatMul becomes two; a k×k Conv becomes k×k with few channels and 1×1 (channel), k×1 and 1×k (spatial), or \
        1×1, k×k and 1×1 between few channels (tucker-2). The rank keeps a part of the energy Σσ², or is a fraction of the full rank. Layers that would not become \
        smaller stay. Follow with `finetune`.
        """
    public static let strengths = [
        Strength("rank-fraction", none: 1, rising: [0.75, 0.5, 0.25]), Strength("energy", none: 1, rising: [0.99, 0.9, 0.5]),
    ]

    @Hyperparameter("part of the squared singular values to keep", in: 0...1) public var energy = 0.9
    @Hyperparameter("rank as a fraction of the full rank, instead of energy", in: 0...1) public var rankFraction:
        Double? = nil
    @Hyperparameter("how convolutions are split") public var convolutions: Chosen<ConvolutionSplits> = "channel"
    public var choice = WeightChoice()

    public init() {}

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        var known: Factors = [:]
        return try graph.rewritingWeights(
            choice,
            prepare: { graph, selection in
                known = try factorsBehindNodes(in: graph, selection)
                return try graph.storingWeightsAsRead { site in
                    guard selection.reason(against: site) == nil, let factors = known[site.tensor] else { return false }
                    return (try? factors.get()) != nil
                }
            }
        ) { targets in
            var result = targets.graph
            for target in targets.targets {
                do throws(Refusal) {
                    let outcome = known[target.tensor] ?? Result { () throws(Refusal) in try factors(of: target, in: result) }
                    try put(outcome.get(), inPlaceOf: target, in: &result, &targets)
                } catch { targets.skip(target, error.reason) }
            }
            return result
        }
    }

    private typealias Factors = [ValueName: Result<FactorizedWeight, Refusal>]

    /// What becomes of weights that their layers read through other nodes; those that are not split stay behind them.
    private func factorsBehindNodes(in graph: Graph, _ selection: Selection) throws -> Factors {
        let behind = Set(graph.weightSites.filter { $0.operand != $0.tensor }.map(\.tensor))
        guard !behind.isEmpty else { return [:] }
        let stored = try graph.storingWeightsAsRead { selection.reason(against: $0) == nil }
        let targets = WeightTargets(stored, selection) { target in target.sites.lazy.compactMap { stored.reasonAgainstCoding($0) }.first }
        var result: Factors = [:]
        for target in targets.targets where behind.contains(target.tensor) {
            result[target.tensor] = Result { () throws(Refusal) in
                let factors = try factors(of: target, in: stored)
                let (before, after) = (graph.initializers[target.tensor]?.byteCount ?? 0, 4 * factors.split.elementCount)
                guard after < before else { throw Refusal("\(factors.split.text) would take \(after) bytes instead of \(before)") }
                return factors
            }
        }
        return result
    }

    private func factors(of target: WeightTarget, in graph: Graph) throws(Refusal) -> FactorizedWeight {
        let factorized = try FactorizedWeight(target, in: graph, convolutions.member, RankRule(energy: energy, fraction: rankFraction))
        let (before, after) = (target.stored.elementCount, factorized.split.elementCount)
        guard after < before else { throw Refusal("\(factorized.split.text) would take \(after) parameters instead of \(before)") }
        return factorized
    }

    private func put(
        _ factors: FactorizedWeight, inPlaceOf target: WeightTarget, in graph: inout Graph, _ targets: inout WeightTargets
    ) throws(Refusal) {
        let split = factors.split
        do { graph = try graph.applying(factors.edit(&targets.names)) } catch {
            throw Refusal("the layers do not fit: \(error)")
        }
        targets.note(
            Finding(
                target.tensor, .done, .parameters, before: Double(target.stored.elementCount), after: Double(split.elementCount),
                reason: "\(split.text), energy \((split.energy * 1e4).rounded() / 1e4)"))
        for rank in split.ranks { targets.note(Finding(target.tensor, .done, .rank, before: Double(rank.full), after: Double(rank.kept))) }
    }
}

/// Why a weight is not factorized.
package struct Refusal: Error {
    var reason: String
    init(_ reason: String) { self.reason = reason }
}
