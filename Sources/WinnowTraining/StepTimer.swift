package import WinnowEngine
import WinnowTensor

/// Times training steps of one trainer, always on the same batch: gathering, forward, backward, update.
package struct StepTimer {
    private let run: TrainingRun
    private let batchSize: Int
    private let samples: [Int]

    /// The first batch of `data` is the one all steps take.
    package init(_ trainer: Trainer, on data: Dataset) throws {
        run = try TrainingRun(trainer, data: data, validation: nil)
        batchSize = min(trainer.configuration.batchSize, data.count)
        samples = Array(0..<batchSize)
        try run.start()
    }

    /// The plan of forward and backward; without gathering and update.
    package func plan() throws -> Plan { try run.plan(for: samples[...]).plan }

    /// The contractions of forward and backward on the whole batch, by node.
    package func multiplyAccumulates() -> [String: Int?] { run.multiplyAccumulates(for: batchSize) }

    package func measure(seconds: Double) throws -> Latency {
        try Latency.measure(batchSize: batchSize, seconds: seconds, takeStep)
    }

    package func takeStep() throws { try run.takeStep(samples[...]) }
}
