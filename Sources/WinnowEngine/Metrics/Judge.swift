package import WinnowGraph
import WinnowTensor

/// What a model is judged by beside top-1 and agreement: a metric of an output, or whatever number a function makes of the model.
///
/// Reports and comparisons list it, and as a pipeline's `judge` it is what iterative pruning keeps within `max-drop`, which
/// counts points of a hundred for a part of one such as accuracy, and the number's own unit for anything else.
public struct Judge: Sendable {
    /// As reports call it: `mean IoU`.
    public let name: String
    public let isHigherBetter: Bool
    /// Whether its numbers are parts of one; nil: where the original's is.
    package let isPart: Bool?
    private let measure: @Sendable (_ graph: Graph, _ original: Graph?, Dataset, EvaluationOptions) throws -> MetricResult

    /// A metric of the first output that it has something to say about.
    public init(_ metric: any Metric.Type) {
        name = metric.name
        isHigherBetter = metric.isHigherBetter
        isPart = metric.isPart
        measure = { graph, original, data, options in
            let run = try MetricRun(of: graph, original: original, on: data, metrics: [metric.init()], options: options)
            if let result = run.results.first { return result }
            throw WinnowError(.data, metric.name, run.objections[metric.name] ?? "has nothing to measure")
        }
    }

    /// A number that a function makes of a graph and the samples to judge it by.
    ///
    /// - Parameter unit: `%` for parts of one, `dB`; empty for plain numbers, which are parts of one where the original's is.
    package init(
        _ name: String, unit: String = "", isHigherBetter: Bool = true,
        ofGraph measure: @escaping @Sendable (Graph, Dataset, EvaluationOptions) throws -> Double
    ) {
        self.name = name
        self.isHigherBetter = isHigherBetter
        isPart = unit == "%" ? true : unit.isEmpty ? nil : false
        self.measure = { graph, original, data, options in
            let own = original.map { data.renamed(from: $0, to: graph) } ?? data
            return MetricResult(name, try measure(graph, own, options), unit: unit, isHigherBetter: isHigherBetter, output: MetricResult.wholeModel)
        }
    }

    /// Measures `graph` on all of `data`, beside `original` where there is one.
    /// Throws `.data` where the metric has nothing to say about any output, and whatever the function throws.
    package func result(
        of graph: Graph, original: Graph? = nil, on data: Dataset, options: EvaluationOptions = EvaluationOptions()
    ) throws -> MetricResult {
        try measure(graph, original, data, options)
    }
}

extension Judge: CustomStringConvertible {
    /// `mean IoU (higher is better)`
    public var description: String { "\(name) (\(isHigherBetter ? "higher" : "lower") is better)" }
}
