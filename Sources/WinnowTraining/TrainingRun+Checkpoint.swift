import Foundation
import WinnowEngine
import WinnowGraph
import WinnowTensor

/// What is kept of a run beside tensors.
struct TrainingRecord: Codable {
    var step: Int
    var lossSum: Double
    var lossCount: Int
    var history: [EpochRecord]
    var frozen: [String]
    var bestEpoch: Int?
    var bestScore: Double?
}

extension TrainingRun {
    /// Where the run stands. Shuffling, augmentation and dropout depend on seed and step alone, so the step is all there is to keep
    /// of the random numbers.
    var record: TrainingRecord {
        TrainingRecord(
            step: step, lossSum: lossSum, lossCount: lossCount, history: history, frozen: frozen.sorted(), bestEpoch: best?.epoch,
            bestScore: best?.score)
    }

    /// What the run has learned.
    var tensors: [String: Tensor] {
        var result: [String: Tensor] = [:]
        result.set(variables.tensors, under: "variable/")
        result.set(optimizer.state, under: "optimizer/")
        if let best { result.set(best.tensors, under: "best/") }
        if let average { result.set(average.tensors(), under: "average/") }
        for (index, hook) in hooks.enumerated() { result.set(hook.state, under: "hook/\(index)/") }
        return result
    }

    /// Goes back to where the run stopped, if it has begun. Throws `.data` if another run did.
    func resume() throws {
        guard let (record, tensors) = try state?.load(TrainingRecord.self) else { return }
        let saved = tensors.tensors(under: "variable/")
        for name in variables.names { try variables.restore(name, from: saved) }
        try optimizer.restore(tensors.tensors(under: "optimizer/"))
        for index in hooks.indices { try hooks[index].restore(tensors.tensors(under: "hook/\(index)/")) }
        average?.restore(tensors.tensors(under: "average/"))
        step = record.step
        lossSum = record.lossSum
        lossCount = record.lossCount
        history = record.history
        frozen = Set(record.frozen)
        if let epoch = record.bestEpoch, let score = record.bestScore {
            let tensors = tensors.tensors(under: "best/")
            for name in variables.names { try variables.check(name, in: tensors) }
            best = (epoch, score, tensors)
        }
    }
}

extension Trainer {
    private struct Settings: Encodable {
        var configuration: TrainingConfiguration
        var arithmetic: Arithmetic
        var lowers: Bool
    }

    /// What the course of a run of the training graph depends on, but for its hooks.
    func fingerprint(of graph: Graph, training: Dataset, validation: Dataset?) throws -> Fingerprint {
        var settings = Settings(configuration: configuration, arithmetic: options.arithmetic, lowers: options.lowers)
        settings.configuration.checkpointSeconds = 0
        return try Fingerprint(models: [graph], data: [training, validation], settings: settings, seed: configuration.seed)
    }
}

extension [String: Tensor] {
    /// The tensors whose names begin with `prefix`, without it.
    fileprivate func tensors(under prefix: String) -> [String: Tensor] {
        var result: [String: Tensor] = [:]
        for (name, tensor) in self where name.hasPrefix(prefix) { result[String(name.dropFirst(prefix.count))] = tensor }
        return result
    }

    fileprivate mutating func set(_ tensors: [String: Tensor], under prefix: String) {
        for (name, tensor) in tensors { self[prefix + name] = tensor }
    }
}
