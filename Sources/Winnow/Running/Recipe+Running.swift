extension Recipe {
    /// The model after every step, and what happened on the way, on a thread of its own; see `Pipeline`, which has more to set.
    ///
    /// Passes that calibrate, train or choose need `data`. Cancelling the task ends it with an error of kind `.cancelled`.
    public func run(
        on model: Model, data: DataSplits? = nil, progress: @escaping @Sendable (Pipeline.Progress) -> Void = { _ in }
    ) async throws -> CompressionResult {
        try await Pipeline(self, data: data).run(on: model, progress: progress)
    }
}
