import Foundation
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

/// The state of iterative pruning between two rounds.
struct PruningSearch {
    private let pass: IterativePruning
    private let dense: Graph
    private let validation: Dataset
    private let store: (any CheckpointStore)?
    private let fingerprint: String
    private let selection: Selection
    /// What accuracies are: top-1, or agreement with the original.
    private let qualityName: String
    private(set) var denseAccuracy: Double
    private var rounds: [PruningRound] = []
    /// The last state within the bound; masks are nodes.
    private(set) var best: Graph

    init(_ pass: IterativePruning, graph: Graph, context: PassContext) throws {
        self.pass = pass
        dense = graph
        best = graph
        selection = try pass.choice.selection(in: graph)
        validation = try context.validationData(for: graph)
        qualityName = context.qualityName(of: graph, on: validation)
        store = try context.checkpoints?("rounds")
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let settings = String(decoding: try encoder.encode(pass.hyperparameters), as: UTF8.self)
        fingerprint = "\(settings) seed \(context.seed) model \(graph.contentHash) data \(context.dataFingerprint)"
        denseAccuracy = 0
        denseAccuracy = try context.evaluate(graph, validation)
    }

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
        try context.cancellation?.check("round \(number)", remedy: "run it again to continue")
        context.progress?(
            ProgressEvent(
                "pruning", completed: number - 1, of: pass.scheduledSparsities.count, unit: "rounds",
                measures: [.init("sparsity", sparsity)]))
        let masked = try pruned(best, to: sparsity, context)
        var inner = context.part("round-\(number)")
        let count = max(number, pass.scheduledSparsities.count)
        if let report = context.progress { inner.progress = { report($0.part(number - 1, of: count)) } }
        inner.seed = context.seed &+ UInt64(number)
        var trained = masked
        if pass.finetune.epochs > 0 { (trained, _) = try pass.finetune.train(masked, original: dense, in: inner) }
        for step in pass.finetune.with {
            if let passenger = step.pass as? any TrainingPass {
                trained = try passenger.finalize(trained, in: inner).graph
            }
        }
        let accuracy = try context.evaluate(trained, validation)
        let isWithinBound = (denseAccuracy - accuracy) * 100 <= pass.maxDrop + 1e-9
        rounds.append(
            PruningRound(
                number: number, targetSparsity: sparsity, sparsity: Self.sparsity(of: weights(in: trained)),
                accuracy: accuracy,
                isWithinBound: isWithinBound))
        if isWithinBound { best = trained }
        try save()
    }

    /// The graph with masks so that `sparsity` of the selected weights are zero; what is pruned stays pruned.
    private func pruned(_ graph: Graph, to sparsity: Double, _ context: PassContext) throws -> Graph {
        let prepared = try pass.rule.prepared(for: targets(in: graph), in: graph, context)
        return try graph.masking(prepared.masks(weights(in: graph), .total(sparsity)))
    }

    /// The selected weights, each once.
    private func weights(in graph: Graph) -> [MaskedWeight] { targets(in: graph).compactMap { MaskedWeight($0, in: graph) } }

    private func targets(in graph: Graph) -> [WeightTarget] {
        WeightTargets(graph, selection) { MaskedWeight.objection(to: $0.stored) }.targets
    }

    private static func sparsity(of weights: [MaskedWeight]) -> Double {
        let total = weights.reduce(0) { $0 + $1.count }
        return weights.reduce(0) { $0 + $1.sparsity * Double($1.count) } / Double(max(1, total))
    }

    /// The masks that the search put in.
    func addedMasks(in graph: Graph) -> Set<ValueName> {
        Set(graph.maskNodes.map(\.mask)).subtracting(dense.maskNodes.map(\.mask))
    }

    /// Rounds as series of sparsity and accuracy, then every weight tensor.
    func findings(of result: Graph) -> [Finding] {
        var ledger = WeightTargets(dense, selection) { MaskedWeight.objection(to: $0.stored) }
        ledger.note(Finding("graph", .done, "validation \(qualityName)", after: denseAccuracy, round: 0))
        ledger.note(Finding("graph", .done, "sparsity", after: Self.sparsity(of: weights(in: dense)), round: 0))
        for round in rounds {
            let reason =
                round.isWithinBound
                ? "within \(pass.maxDrop.shortText) points" : "drops more than \(pass.maxDrop.shortText) points"
            ledger.note(
                Finding(
                    "graph", round.isWithinBound ? .done : .kept, "validation \(qualityName)", before: denseAccuracy,
                    after: round.accuracy, reason: reason, round: round.number))
            ledger.note(Finding("graph", .done, "sparsity", after: round.sparsity, round: round.number))
        }
        let after = Dictionary(weights(in: result).map { ($0.tensor, $0) }, uniquingKeysWith: { first, _ in first })
        for before in weights(in: dense) {
            ledger.note(Finding(before.tensor, .done, "sparsity", before: before.sparsity, after: after[before.tensor]?.sparsity))
        }
        for name in dense.weightTensors where !ledger.has(name) { ledger.note(.trained(name, from: dense, to: result)) }
        return ledger.findings
    }
}

extension PruningSearch {
    private struct Record: Codable {
        var fingerprint: String
        var rounds: [PruningRound]
        var denseAccuracy: Double
        /// The mask of each weight.
        var masks: [ValueName: ValueName]
    }

    private func save() throws {
        guard let store else { return }
        var checkpoint = Checkpoint(tensors: best.initializers)
        let masks = Dictionary(best.maskNodes.map { ($0.weight, $0.mask) }, uniquingKeysWith: { first, _ in first })
        let record = Record(fingerprint: fingerprint, rounds: rounds, denseAccuracy: denseAccuracy, masks: masks)
        checkpoint.metadata["winnow.pruning"] = String(decoding: try JSONEncoder().encode(record), as: UTF8.self)
        try store.save(checkpoint)
    }

    /// Goes back to where an earlier run of the same search stopped. Throws `.data` if the checkpoint is of another one.
    mutating func resume() throws {
        guard let checkpoint = try store?.load() else { return }
        guard let text = checkpoint.metadata["winnow.pruning"],
            let record = try? JSONDecoder().decode(Record.self, from: Data(text.utf8)),
            record.fingerprint == fingerprint
        else {
            throw WinnowError(
                .data, "checkpoint", "belongs to another model, data set or recipe", remedy: "delete it to start anew")
        }
        rounds = record.rounds
        denseAccuracy = record.denseAccuracy
        guard rounds.contains(where: \.isWithinBound) else { return }
        let masked = try dense.masking(record.masks.compactMapValues { checkpoint.tensors[$0] })
        best = try masked.settingInitializers(
            checkpoint.tensors.filter { name, tensor in
                guard let own = masked.initializers[name] else { return false }
                return own.shape == tensor.shape && own.elementType == tensor.elementType
            })
    }
}

extension Graph {
    /// A hash of nodes and contents that tells different models apart.
    var contentHash: String {
        var hash = ContentHash()
        hash.add(text)
        for name in initializerNames { initializers[name].map { hash.add($0) } }
        return hash.text
    }
}
