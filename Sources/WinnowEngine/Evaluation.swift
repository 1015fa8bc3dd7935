import Foundation
package import WinnowGraph
import WinnowTensor

/// What a classifier gets right on labelled data.
public struct Evaluation: Sendable, Hashable, Codable {
    public var sampleCount: Int
    /// The part of the samples whose label has the highest score; ties go to the lower class index.
    public var top1: Double
    /// The part whose label is among the `k` highest scores.
    public var topK: Double
    public var k: Int
    /// The mean cross-entropy in nats.
    public var loss: Double
    /// The predicted class of every sample.
    public var predictions: [Int]

    /// Runs `session` over `data` in batches and compares its first output (N, classes) with the labels.
    /// Throws `.data` where labels are missing or out of range.
    package init(
        of session: Session, on data: Dataset, batchSize: Int = 256, k: Int = 5, cancellation: Cancellation? = nil,
        progress: ProgressReporter? = nil
    ) throws {
        let data = try data.adapted(to: session.graph)
        guard let labels = data.labels, data.count > 0 else {
            throw WinnowError(.data, "evaluation", "needs samples with labels")
        }
        guard let output = session.graph.outputs.first else { throw WinnowError(.model, session.graph.name, "has no output") }
        var tally = Tally(k: k, scores: ClassScores(of: output, in: GraphIndex(session.graph)).form)
        let start = ContinuousClock.now
        var done = 0
        for batch in data.batches(of: batchSize, for: session.graph) {
            try cancellation?.check("evaluation")
            let plan = try session.plan(for: batch, of: data)
            try plan.execute()
            guard let scores = plan.output(output) else { continue }
            try tally.add(scores, labels: batch.indices.prefix(batch.count).map { labels[$0] })
            done += batch.count
            progress?(ProgressEvent("evaluation", completed: done, of: data.count, unit: "samples", since: start))
        }
        self = tally.evaluation
    }

    /// The same, for a graph that is used once.
    package init(
        of graph: Graph, on data: Dataset, batchSize: Int = 256, k: Int = 5, options: SessionOptions = SessionOptions(),
        cancellation: Cancellation? = nil, progress: ProgressReporter? = nil
    ) throws {
        try self.init(
            of: Session(graph, options: options), on: data, batchSize: batchSize, k: k, cancellation: cancellation,
            progress: progress)
    }

    fileprivate init(tally: Tally) {
        sampleCount = tally.predictions.count
        top1 = Double(tally.top1) / Double(max(1, sampleCount))
        topK = Double(tally.topK) / Double(max(1, sampleCount))
        k = tally.k
        loss = tally.loss / Double(max(1, sampleCount))
        predictions = tally.predictions
    }

    /// Why `graph` cannot be judged by the labels of `data`: there are none, or its first output is no scores (N, classes).
    package static func objection(to graph: Graph, on data: Dataset) -> String? {
        guard data.labels != nil else { return "the data has no labels" }
        guard let output = graph.outputs.first, let type = graph.infos[output]?.type, let extents = type.extents else { return nil }
        let isScores = type.elementType.isFloatingPoint && extents.count >= 2 && extents[1] != .fixed(1)
            && extents.dropFirst(2).allSatisfy { $0 == .fixed(1) }
        return isScores ? nil : "labels are one a sample, but output \(output) is \(type), not scores (N, classes)"
    }
}

extension ClassScores.Form {
    /// −log of the probability of class `label`.
    fileprivate func loss(_ row: UnsafeBufferPointer<Float>, label: Int) -> Double {
        switch self {
        case .probabilities: return -log(max(Double(row[label]), 1e-30))
        case .logProbabilities: return -Double(row[label])
        case .logits:
            let top = Double(row.max() ?? 0)
            return top + log(row.reduce(0) { $0 + exp(Double($1) - top) }) - Double(row[label])
        }
    }
}

/// Counts kept while batches pass.
private struct Tally {
    let k: Int
    let scores: ClassScores.Form
    var top1 = 0
    var topK = 0
    var loss = 0.0
    var predictions: [Int] = []

    init(k: Int, scores: ClassScores.Form) {
        self.k = k
        self.scores = scores
    }

    var evaluation: Evaluation { Evaluation(tally: self) }

    mutating func add(_ output: Tensor, labels: [Int]) throws {
        guard output.elementType == .float32, output.rank >= 2, output.shape[0] >= labels.count else {
            throw WinnowError(
                .model, "evaluation", "the model gives \(output.elementType) \(output.shape), not scores for \(labels.count) samples")
        }
        let classes = output.elementCount / output.shape[0]
        try output.withElements(Float.self) { values in
            for (sample, label) in labels.enumerated() {
                guard label >= 0, label < classes else {
                    throw WinnowError(.data, "label \(label)", "is not one of the model's \(classes) classes")
                }
                add(UnsafeBufferPointer(rebasing: values[(sample * classes)..<((sample + 1) * classes)]), label: label)
            }
        }
    }

    private mutating func add(_ row: UnsafeBufferPointer<Float>, label: Int) {
        var best = 0
        var rank = 0
        for index in row.indices {
            if row[index] > row[best] { best = index }
            if row[index] > row[label] || (row[index] == row[label] && index < label) { rank += 1 }
        }
        predictions.append(best)
        if best == label { top1 += 1 }
        if rank < k { topK += 1 }
        loss += scores.loss(row, label: label)
    }
}
