public import WinnowReport

/// The compressed model and what happened on the way.
public struct CompressionResult: Sendable {
    public var model: Model
    public var steps: [Report.Step]
    /// Models that `save` steps wrote, in order, with their files' names but the ending.
    public var saved: [(stage: String, model: Model)]
    /// What the run kept on the way.
    var folder: RunFolder?
}
