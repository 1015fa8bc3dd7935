package import WinnowEngine
package import WinnowGraph
import WinnowTensor

/// How good a model is on data: by the labels where they fit its first output, else beside the model it was made from.
package struct Quality: Sendable {
    /// What was measured, of every output where there is no top-1.
    package private(set) var results: [MetricResult] = []
    /// Why labels do not tell; nil where they do.
    package private(set) var objection: String?
    /// What choices are made by, larger is better: top-1; else the part of the samples that get the original's class, or the least
    /// cosine of all outputs where the first is no scores.
    package private(set) var score = 0.0

    /// Throws `.data` where there are neither labels nor an original.
    package init(
        of graph: Graph, beside original: Graph?, on data: Dataset, options: SessionOptions = SessionOptions(),
        cancellation: Cancellation? = nil, progress: ProgressReporter? = nil
    ) throws {
        objection = Evaluation.objection(to: graph, on: data)
        guard objection != nil else {
            score = try Evaluation(of: graph, on: data, options: options, cancellation: cancellation, progress: progress).top1
            return
        }
        guard let original else { throw WinnowError(.data, "evaluation", "has neither labels nor an original model") }
        var samples = data
        samples.labels = nil
        let run = try MetricRun(
            of: graph, original: original, on: samples, options: options, cancellation: cancellation, progress: progress)
        results = run.results
        score = run[Top1Agreement.self]?.value ?? results.filter { $0.metric == Cosine.name }.compactMap(\.value).min() ?? 0
    }

    /// A score that somebody else gives.
    init(score: Double) { self.score = score }

    /// What the score is.
    package var name: String { objection.map { "agreement (\($0))" } ?? Top1.name }
}
