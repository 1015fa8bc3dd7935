import WinnowEngine
public import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor

/// Makes heads of attention narrower, by what their pairs of projections are together: scores are x·(W_q·W_kᵀ)·xᵀ, and what a head gives is
/// a mean of x·(W_v·W_o). Each product is truncated as a whole: [W_q; b_q]·[W_k; b_k]ᵀ ≈ U√Σ · √ΣVᵀ, the nearest matrix of that rank
/// (Eckart and Young 1936), which takes no more layers than before.
public struct AttentionFactorization: Pass {
    public static let name = "attention-factorization"
    public static let summary = "makes heads of attention narrower by factorizing queries with keys, and values with outputs"
    public static let guide = """
        Where nothing but a bias, a scale and the split into heads stands between two projections and their product, their weights matter only \
        together: per head, the product of queries and keys, and of values and the layer behind, is decomposed, and the least components of all \
        heads of a layer go. `energy` is the part of Σσ² of a layer's heads that stays. Layers where something else stands between, as rotations by \
        position do, stay as they are. Follow with `finetune`.
        """
    public static let strengths = [
        Strength("energy", none: 1, rising: [0.99, 0.9, 0.5]), Strength("rank-fraction", none: 1, rising: [0.75, 0.5, 0.25]),
    ]

    @Hyperparameter(
        "part of the squared singular values of all heads of a layer to keep", in: 0...1, counts: .absent("rank-fraction"))
    public var energy = 0.95
    @Hyperparameter("width of heads as a fraction of what it is, instead of energy", in: 0...1) public var rankFraction: Double? = nil
    @Hyperparameter("factorize queries with keys") public var scores = true
    @Hyperparameter("factorize values with the layer behind") public var values = true
    @Hyperparameter("widths are multiples of this", in: 1...1024) public var roundTo = 1
    public var choice = WeightChoice()

    public init() {}

    public var needs: PassNeeds { .nothing }

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        let selection = try choice.selection(in: graph)
        var result = graph
        var ledger = WeightLedger(graph)
        let constants = Set(graph.constantOrigins.keys)
        for node in graph.nodes where node.op is MatMul {
            // Each change is seen by the next.
            let index = GraphIndex(result)
            let found = [
                scores ? AttentionPair(scores: node, in: index, constants: constants) : nil,
                values ? AttentionPair(values: node, in: index, constants: constants) : nil,
            ]
            for pair in found.compactMap({ $0 }) {
                let weights = [pair.first.site, pair.second.site]
                if let reason = weights.lazy.compactMap({ selection.reason(against: $0) }).first {
                    for site in weights where !ledger.has(site.tensor) { ledger.keep(site.tensor, reason) }
                    continue
                }
                do throws(Refusal) {
                    result = try narrowed(result, pair, &ledger)
                } catch {
                    for site in weights where !ledger.has(site.tensor) {
                        if error.isMeant { ledger.keep(site.tensor, error.reason) } else { ledger.skip(site.tensor, error.reason) }
                    }
                }
            }
        }
        return PassResult(graph: result, findings: ledger.findings { _ in "is no projection of an attention whose pair is known" })
    }

    private func narrowed(_ graph: Graph, _ pair: AttentionPair, _ ledger: inout WeightLedger) throws(Refusal) -> Graph {
        let products = try pair.products(in: graph)
        let spectrum = Spectrum(sumOf: products.map(\.spectrum))
        // All of the energy is in fewer components than there are only but for roundings.
        let wanted = rankFraction.map { Int((Double(pair.width) * $0).rounded()) } ?? (energy < 1 ? spectrum.rank(energy: energy) : pair.width)
        let rank = min(pair.width, max(1, (wanted + roundTo - 1) / roundTo) * roundTo)
        guard rank < pair.width else { throw Refusal("its heads need their width of \(pair.width)", isMeant: true) }
        let edit = try pair.edit(products, rank: rank, in: graph)
        let result: Graph
        do { result = try graph.applying(edit) } catch { throw Refusal("the narrower heads do not fit: \(error)") }
        let kept = (spectrum.energy(rank: rank) * 1e4).rounded() / 1e4
        for side in [pair.first, pair.second] {
            let before = graph.initializers[side.site.tensor]?.elementCount ?? 0
            let reason = "\(pair.headCount) heads of \(rank) instead of \(pair.width), energy \(kept)"
            ledger.note(
                Finding(side.site.tensor, .done, .parameters, before: Double(before), after: Double(before / pair.width * rank), reason: reason))
        }
        return result
    }
}
