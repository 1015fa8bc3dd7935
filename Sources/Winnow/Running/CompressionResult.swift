public import WinnowPasses
public import WinnowReport

/// The compressed model and what happened on the way.
public struct CompressionResult: Sendable {
    public var model: Model
    public var steps: [Report.Step]
    /// Models that `save` steps wrote, in order, with their files' names but the ending.
    public var saved: [(stage: String, model: Model)]
    /// What the run kept on the way.
    var folder: RunFolder?

    /// What every step reports.
    public var findings: [Finding] { steps.flatMap(\.findings) }
}

extension CompressionResult: CustomStringConvertible {
    /// The model, and a line for each step.
    public var description: String { (["\(model)"] + steps.map(\.summary)).joined(separator: "\n") }
}
