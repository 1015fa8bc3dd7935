/// How models run over data to be judged: how they compute, who may stop it, and who is told how far it is.
package struct EvaluationOptions: Sendable {
    package var session: SessionOptions
    /// Samples in one execution, where the model leaves it open; nil: what usually does.
    package var batchSize: Int?
    package var cancellation: Cancellation?
    package var progress: ProgressReporter?

    package init(
        session: SessionOptions = SessionOptions(), cancellation: Cancellation? = nil, progress: ProgressReporter? = nil
    ) {
        self.session = session
        self.cancellation = cancellation
        self.progress = progress
    }
}
