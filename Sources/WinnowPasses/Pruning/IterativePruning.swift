import WinnowEngine
public import WinnowGraph
import WinnowTensor
import WinnowTraining

/// Prunes by magnitude in rounds with training in between, as far as accuracy allows.
///
/// Raise the sparsity, train with masks, evaluate on the validation data; once accuracy falls by more than `maxDrop`, the
/// last state within it is the result (Han et al. 2015, figure 2; schedules of Zhu and Gupta 2017).
public struct IterativePruning: Pass {
    public static let name = "iterative-pruning"
    public static let summary = "prunes and trains in rounds until accuracy drops too far; returns the last good state"
    public static let guide = """
        Each round raises the sparsity along its schedule, trains with the pruned weights held at zero, and measures \
        validation accuracy. The first round whose drop against the dense model exceeds max-drop ends the search; with \
        refinements, sparsities between the last good round and the failed one are tried by halving. The result is the \
        last state within the bound, the dense model if there is none. With `rewind` the model is trained dense first, and after \
        each round what is left goes back to its values at the start or after some epochs of that. Every round is reported. A \
        stopped run continues from its last round.
        """

    @Hyperparameter("largest drop of validation accuracy, in points of a hundred, or of the metric, in its own unit", in: 0...1e6)
    public var maxDrop = 0.5
    @Hyperparameter("sparsity after each round; empty: by rise, from start to target", in: 0...1) public var sparsities:
        [Double] = []
    @Hyperparameter("sparsity after the first round", in: 0...1, counts: .absent("sparsities")) public var start = 0.5
    @Hyperparameter("sparsity after the last round", in: 0...1, counts: .absent("sparsities")) public var target = 0.99
    @Hyperparameter("rounds at most", in: 1...1000, rehearsal: 2, counts: .absent("sparsities")) public var rounds = 10
    @Hyperparameter("how sparsity rises between start and target", counts: .absent("sparsities")) public var rise = SparsityRise.geometric
    @Hyperparameter("rounds between the last good and the first failed sparsity", in: 0...20, rehearsal: 1) public var refinements =
        0
    @Hyperparameter("where weights go back to once they are pruned: none, start (the values given), epoch N of dense training")
    public var rewind = Rewinding.none
    public var rule = PruningRule(scope: .global)
    @Hyperparameter("how each round trains") public var finetune = Finetune()
    public var choice = WeightChoice()

    public init() {}

    public var files: [String] { rule.files + finetune.files }
    public var needs: PassNeeds { .training }
    public var models: [String] { finetune.models }
    public var trainedEpochs: Int { finetune.epochs * scheduledSparsities.count }
    public var rehearsal: Self {
        var result = shortened
        if sparsities.count > 2 { result.sparsities = [sparsities.first, sparsities.last].compactMap { $0 } }
        // What the real training reaches the short one does too.
        if case .epoch(let count) = rewind, count <= finetune.epochs { result.rewind = .epoch(min(count, result.finetune.epochs)) }
        return result
    }

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        guard rewind.epochs <= finetune.epochs else {
            throw WinnowError(
                .recipe, "rewind", "is \(rewind), but dense training has \(finetune.epochs)", remedy: "go back to an earlier one")
        }
        var context = context
        if context.teacher == nil { context.teacher = graph }
        var search = try PruningSearch(self, graph: graph, context: context)
        while let sparsity = search.nextSparsity() { try search.round(sparsity, in: context) }
        let best = search.best
        let result = try rule.keepMask ? best : best.foldingMasks(only: search.addedMasks(in: best))
        return PassResult(graph: result, findings: search.findings(of: result))
    }

    /// The sparsities of all rounds, rising.
    var scheduledSparsities: [Double] {
        if !sparsities.isEmpty { return sparsities }
        if rounds == 1 { return [target] }
        return (0..<rounds).map { rise.sparsity(round: $0, of: rounds - 1, from: start, to: target) }
    }
}
