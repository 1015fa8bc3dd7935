import WinnowEngine
import WinnowGraph
import WinnowTensor
import WinnowTraining

/// What one round of pruning came to.
struct PruningRound: Codable, Hashable {
    /// Counted from 1.
    var number: Int
    var targetSparsity: Double
    /// The part of all selected weights that is zero.
    var sparsity: Double
    var accuracy: Double
    var isWithinBound: Bool
}

/// Iterative pruning between two rounds.
struct PruningSearch {
    private let pass: IterativePruning
    private var dense: Trial
    /// What weights go back to in every round.
    private var rewound: [ValueName: Tensor] = [:]
    private let validation: Dataset
    private let bench: Bench
    private let state: RunState?
    private let selection: Selection
    private var rounds: [PruningRound] = []
    /// The last state within the bound; masks are nodes.
    private(set) var best: Graph

    /// Begins, or goes back to where an earlier search of the same kind stopped. Throws `.data` if another kind did.
    init(_ pass: IterativePruning, graph: Graph, context: PassContext) throws {
        self.pass = pass
        selection = try pass.choice.selection(in: graph)
        validation = try context.validationData(for: graph)
        bench = context.bench
        state = try context.state(of: pass, on: graph)
        _ = try pass.rule.fittingTargets(in: graph, selection)
        dense = try bench.trial(graph, on: validation)
        best = graph
        if pass.rewind != .none { try trainDense(context) }
        try resume()
    }

    /// Trains the dense model, which rounds are measured by, and keeps what they go back to.
    private mutating func trainDense(_ context: PassContext) throws {
        let part = state?.part("dense")
        if let (epoch, tensors) = try part?.load(Int.self), epoch == pass.rewind.epochs {
            for (name, tensor) in tensors where name.hasPrefix(Self.rewoundPrefix) {
                rewound[String(name.dropFirst(Self.rewoundPrefix.count))] = tensor
            }
            best = try best.settingInitializers(tensors.filter { best.initializers[$0.key] != nil })
        } else {
            let capture = EpochCapture(pass.rewind.epochs)
            var inner = context
            inner.state = state?.part("round-0")
            best = try trained(best, hook: capture, in: inner)
            rewound = capture.tensors
            let kept = best.initializers.merging(rewound.map { (Self.rewoundPrefix + $0.key, $0.value) }) { own, _ in own }
            try part?.save(pass.rewind.epochs, kept)
            inner.state?.removeParts()
        }
        dense = try bench.trial(best, on: validation)
    }

    private static let rewoundPrefix = "rewound/"

    /// The sparsity of the next round; nil when the search is over.
    func nextSparsity() -> Double? {
        let schedule = pass.scheduledSparsities
        guard let failed = rounds.filter({ !$0.isWithinBound }).map(\.targetSparsity).min() else {
            return rounds.count < schedule.count ? schedule[rounds.count] : nil
        }
        let refined = rounds.count - (rounds.firstIndex { !$0.isWithinBound } ?? 0) - 1
        guard refined < pass.refinements else { return nil }
        let good = rounds.filter(\.isWithinBound).map(\.targetSparsity).max() ?? 0
        return good + (failed - good) / 2
    }

    /// Prunes the last good state to `sparsity`, trains it and decides.
    mutating func round(_ sparsity: Double, in context: PassContext) throws {
        let number = rounds.count + 1
        try context.cancellation?.check("round \(number)", isKept: state != nil)
        context.progress?(
            ProgressEvent(
                "pruning", completed: number - 1, of: pass.scheduledSparsities.count, unit: "rounds",
                measures: [.init("sparsity", sparsity)]))
        let masked = try rewinding(pruned(best, to: sparsity, context))
        var inner = context
        inner.state = state?.part("round-\(number)")
        let count = max(number, pass.scheduledSparsities.count)
        if let report = context.progress { inner.progress = { report($0.part(number - 1, of: count)) } }
        inner.seed = context.seed &+ UInt64(number)
        let trained = try self.trained(masked, in: inner)
        let trial = try bench.trial(trained, on: validation)
        let isWithinBound = trial.isWithin(pass.maxDrop, of: dense)
        rounds.append(
            PruningRound(
                number: number, targetSparsity: sparsity, sparsity: Self.sparsity(of: weights(in: trained)),
                accuracy: trial.quality.score, isWithinBound: isWithinBound))
        if isWithinBound { best = trained }
        try save()
        inner.state?.removeParts()
    }

    /// The graph after the training of one round.
    private func trained(_ graph: Graph, hook: (any TrainingHook)? = nil, in context: PassContext) throws -> Graph {
        var trained = graph
        if pass.finetune.epochs > 0 {
            trained = try pass.finetune.train(graph, original: dense.graph, hook: hook, in: context)
        }
        for step in pass.finetune.with {
            if let passenger = step.pass as? any TrainingPass {
                trained = try passenger.finalize(trained, in: context).graph
            }
        }
        return trained
    }

    /// The graph with what its weights go back to, masks as they are.
    private func rewinding(_ graph: Graph) throws -> Graph {
        let masks = graph.maskNames
        return try graph.settingContents(
            rewound.filter { name, tensor in graph.initializers[name]?.shape == tensor.shape && !masks.contains(name) })
    }

    /// The graph with masks so that `sparsity` of the selected weights are zero; what is pruned stays pruned.
    private func pruned(_ graph: Graph, to sparsity: Double, _ context: PassContext) throws -> Graph {
        let prepared = try pass.rule.prepared(for: targets(in: graph), in: graph, context)
        let last = pass.scheduledSparsities.last ?? sparsity
        return try graph.masking(prepared.masks(weights(in: graph), .total(sparsity), reach: last > 0 ? sparsity / last : 0))
    }

    /// The selected weights, each once.
    private func weights(in graph: Graph) -> [MaskedWeight] { targets(in: graph).compactMap { MaskedWeight($0, in: graph) } }

    private func targets(in graph: Graph) -> [WeightTarget] { pass.rule.targets(in: graph, selection).targets }

    private static func sparsity(of weights: [MaskedWeight]) -> Double {
        let total = weights.reduce(0) { $0 + $1.count }
        return weights.reduce(0) { $0 + $1.sparsity * Double($1.count) } / Double(max(1, total))
    }

    /// The masks that the search put in.
    func addedMasks(in graph: Graph) -> Set<ValueName> {
        Set(graph.maskNodes.map(\.mask)).subtracting(dense.graph.maskNodes.map(\.mask))
    }

    /// Rounds as series of sparsity and accuracy, then every weight tensor.
    func findings(of result: Graph) -> [Finding] {
        let original = dense.graph
        let quality = Quantity.validation(dense.quality.name)
        var ledger = pass.rule.targets(in: original, selection)
        for finding in pass.rule.remarks { ledger.note(finding) }
        let scale = dense.quality.scale
        ledger.note(Finding("graph", .done, quality, after: dense.quality.measured(dense.quality.score), reason: scale.remark, round: 0))
        ledger.note(Finding("graph", .done, .sparsity, after: Self.sparsity(of: weights(in: original)), round: 0))
        for round in rounds {
            let reason = "\(round.isWithinBound ? "within" : "drops more than") \(pass.maxDrop.shortText)\(scale.dropUnit)"
            ledger.note(
                Finding(
                    "graph", round.isWithinBound ? .done : .kept, quality, before: dense.quality.measured(dense.quality.score),
                    after: dense.quality.measured(round.accuracy), reason: reason, round: round.number))
            ledger.note(Finding("graph", .done, .sparsity, after: round.sparsity, round: round.number))
        }
        let after = Dictionary(weights(in: result).map { ($0.tensor, $0) }, uniquingKeysWith: { first, _ in first })
        for before in weights(in: original) {
            ledger.note(Finding(before.tensor, .done, .sparsity, before: before.sparsity, after: after[before.tensor]?.sparsity))
        }
        for name in original.weightTensors where !ledger.has(name) { ledger.note(.trained(name, from: original, to: result)) }
        return ledger.findings
    }
}

extension PruningSearch {
    private struct Record: Codable {
        var rounds: [PruningRound]
        /// The mask of each weight.
        var masks: [ValueName: ValueName]
    }

    private func save() throws {
        let masks = Dictionary(best.maskNodes.map { ($0.weight, $0.mask) }, uniquingKeysWith: { first, _ in first })
        try state?.part("rounds").save(Record(rounds: rounds, masks: masks), best.initializers)
    }

    private mutating func resume() throws {
        guard let (record, tensors) = try state?.part("rounds").load(Record.self) else { return }
        rounds = record.rounds
        guard rounds.contains(where: \.isWithinBound) else { return }
        let masked = try dense.graph.masking(record.masks.compactMapValues { tensors[$0] })
        best = try masked.settingInitializers(
            tensors.filter { name, tensor in
                guard let own = masked.initializers[name] else { return false }
                return own.shape == tensor.shape && own.elementType == tensor.elementType
            })
    }
}
