import Foundation
import WinnowEngine
import WinnowGraph
import WinnowTensor

/// What a checkpoint says beside tensors.
private struct RunRecord: Codable {
    var fingerprint: String
    var step: Int
    var lossSum: Double
    var lossCount: Int
    var history: [EpochRecord]
    var frozen: [String]
    var bestEpoch: Int?
    var bestScore: Double?
}

extension TrainingRun {
    /// The present state. Shuffling, augmentation and dropout depend on seed and step alone, so the step is all there is
    /// to keep of the random numbers.
    func checkpoint() throws -> Checkpoint {
        var checkpoint = Checkpoint()
        checkpoint.set(variables.tensors, under: "variable/")
        checkpoint.set(optimizer.state, under: "optimizer/")
        if let best { checkpoint.set(best.tensors, under: "best/") }
        for (index, hook) in hooks.enumerated() { checkpoint.set(hook.state, under: "hook/\(index)/") }
        let record = RunRecord(
            fingerprint: fingerprint, step: step, lossSum: lossSum, lossCount: lossCount, history: history,
            frozen: frozen.sorted(), bestEpoch: best?.epoch, bestScore: best?.score)
        checkpoint.metadata["winnow.training"] = String(decoding: try JSONEncoder().encode(record), as: UTF8.self)
        return checkpoint
    }

    /// Goes back to the newest checkpoint, if there is one. Throws `.data` if it is of another run.
    func resume() throws {
        guard let checkpoint = try trainer.checkpoints?.load() else { return }
        guard let text = checkpoint.metadata["winnow.training"],
            let record = try? JSONDecoder().decode(RunRecord.self, from: Data(text.utf8))
        else { throw WinnowError(.file, "checkpoint", "is not one of a training run", remedy: "delete it") }
        guard record.fingerprint == fingerprint else {
            throw WinnowError(
                .data, "checkpoint", "belongs to a run with another model, data set or configuration",
                remedy: "delete it to start anew, or give back the old configuration")
        }
        let saved = checkpoint.tensors(under: "variable/")
        for name in variables.names { try variables.restore(name, from: saved) }
        try optimizer.restore(checkpoint.tensors(under: "optimizer/"))
        for index in hooks.indices { try hooks[index].restore(checkpoint.tensors(under: "hook/\(index)/")) }
        step = record.step
        lossSum = record.lossSum
        lossCount = record.lossCount
        history = record.history
        frozen = Set(record.frozen)
        if let epoch = record.bestEpoch, let score = record.bestScore {
            let tensors = checkpoint.tensors(under: "best/")
            for name in variables.names { try variables.check(name, in: tensors) }
            best = (epoch, score, tensors)
        }
    }

    /// A hash of everything a run starts from, contents of initializers and samples included.
    static func fingerprint(
        of configuration: TrainingConfiguration, _ graph: Graph, training: Dataset, validation: Dataset?
    ) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        var configuration = configuration
        configuration.checkpointSeconds = 0
        var hash = ContentHash()
        hash.add(String(decoding: try encoder.encode(configuration), as: UTF8.self))
        hash.add("\(training.fingerprint) \(validation?.fingerprint ?? "none")")
        hash.add(graph.text)
        for name in graph.initializerNames { graph.initializers[name].map { hash.add($0) } }
        return hash.text
    }
}
