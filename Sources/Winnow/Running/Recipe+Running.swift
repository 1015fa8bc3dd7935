public import WinnowEngine
import WinnowPasses
public import WinnowReport

extension Recipe {
    /// The model after every step, and what happened on the way, on a thread of its own; see `Pipeline`, which has more to set.
    ///
    /// Passes that calibrate, train or choose need `data`. Cancelling the task ends it with an error of kind `.cancelled`.
    public func run(
        on model: Model, data: DataSplits? = nil, progress: @escaping @Sendable (Pipeline.Progress) -> Void = { _ in }
    ) async throws -> CompressionResult {
        try await Pipeline(self, data: data).run(on: model, progress: progress)
    }

    /// What every step does on a few samples, one epoch where it trains: what would stop the recipe after hours stops it now.
    ///
    /// - Parameter samples: of each split, at most; as many as the model takes at a time at least.
    /// Throws as `run` does.
    public func rehearsed(
        on model: Model, data: DataSplits? = nil, samples: Int = 64, judge: Judge? = nil, cancellation: Cancellation = Cancellation(),
        progress: @escaping @Sendable (Pipeline.Progress) -> Void = { _ in }
    ) throws -> [Report.Step] {
        let short = Recipe(steps: passes.map { .pass(PassStep($0.rehearsal)) })
        let kept = data?.kept(for: model.graph)
        let least = kept?.training?.fixedBatchSize(for: model.graph) ?? 1
        var pipeline = Pipeline(short, data: kept?.drawn(max(samples, least)))
        (pipeline.judge, pipeline.isRehearsal, pipeline.task) = (judge, true, "check")
        return try pipeline.run(on: model, cancellation: cancellation, progress: progress).steps
    }
}
