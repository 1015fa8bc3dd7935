package import WinnowGraph
import WinnowTensor

/// What a classifier gets right on labelled data.
public struct Evaluation: Sendable, Hashable, Codable {
    /// Samples; where labels are of places, such as tokens, the places that have a class, which count as samples in all that follows.
    public var sampleCount: Int
    /// The part of the samples whose label has the highest score; ties go to the lower class index.
    public var top1: Double
    /// The part whose label is among the `k` highest scores.
    public var topK: Double
    public var k: Int
    /// The mean cross-entropy in nats.
    public var loss: Double
    /// The predicted class of every sample; −1 where one of its scores is no number.
    public var predictions: [Int]

    /// Runs `graph` over `data` in batches and compares its scores, (N, classes) or with an axis of places more, with the labels.
    /// Throws `.data` where labels are missing or out of range, `.model` where the output is no scores.
    ///
    /// - Parameter labels: what those of `data` are to `graph`, where that is known.
    package init(
        of graph: Graph, on data: Dataset, labels: ClassLabels? = nil, batchSize: Int = 256, k: Int = 5,
        options: EvaluationOptions = EvaluationOptions()
    ) throws {
        guard data.labels != nil || data.placeLabels != nil, data.count > 0 else {
            throw WinnowError(.data, "evaluation", "needs samples with labels")
        }
        guard !graph.outputs.isEmpty else { throw WinnowError(.model, graph.name, "has no output") }
        var options = options
        options.batchSize = batchSize
        let run = try MetricRun(of: graph, on: data, metrics: [Top1(), TopK(k), CrossEntropy()], onlyScores: true, labels: labels, options: options)
        guard let best = run.gathered(Top1.self), let several = run.gathered(TopK.self), let loss = run.gathered(CrossEntropy.self)
        else { throw WinnowError(.model, "evaluation", run.objections[Top1.name] ?? "gives no scores") }
        sampleCount = best.predictions.count
        (top1, topK, self.k, self.loss) = (best.value, several.value, k, loss.value)
        predictions = best.predictions
    }

    /// How many samples have a score that is no number.
    package var brokenSampleCount: Int { predictions.count { $0 < 0 } }
}
