public import WinnowEngine
public import WinnowGraph

/// How models are measured beside each other.
public struct MeasuringOptions: Sendable {
    /// Texts as `image=1x3x224x224`, for inputs whose extents neither model nor data tell.
    public var shapes: [String] = []
    /// What models are judged by beside top-1 or agreement, on the test samples.
    public var judges: [Judge] = []
    /// How sums of products of float32 are computed.
    public var arithmetic = Arithmetic.fast
    public var cancellation: Cancellation?

    public init() {}
}

extension Measuring {
    /// Throws `.usage` for shapes that do not fit `original`.
    init(_ data: DataSplits?, of original: Graph?, _ options: MeasuringOptions) throws {
        self.init(data: data, shapes: try InputShapes(parsing: options.shapes, for: original), judges: options.judges)
        evaluation.session.arithmetic = options.arithmetic
        evaluation.cancellation = options.cancellation
    }
}
