package import WinnowEngine
package import WinnowGraph
import WinnowTensor

/// How good a model is on data: by the labels where they fit its first output, else beside the model it was made from.
package struct Quality: Sendable {
    /// What was measured, of every output where there is no top-1.
    package private(set) var results: [MetricResult] = []
    /// Why labels do not tell; nil where they do.
    package private(set) var objection: String?
    /// What choices are made by, larger is better: top-1; else the part of the samples that get the original's class, or the
    /// least cosine of all outputs where there are several, or none is scores.
    package private(set) var score = 0.0
    /// What the score is.
    package private(set) var name = Top1.name
    /// The samples that were looked at, and how many of them gave something that is no number; 0 where a judge measures.
    package private(set) var (sampleCount, brokenSampleCount) = (0, 0)
    /// In what the score is told; drops from it count so.
    package private(set) var scale = ScoreScale.parts

    /// Inputs that are called otherwise than the original's, whose names the data has, are taken by their places.
    /// Throws `.data` where there are neither labels nor an original.
    ///
    /// - Parameter labels: what those of `data` are to `graph`, where that is known.
    package init(
        of graph: Graph, beside original: Graph?, on data: Dataset, labels: ClassLabels? = nil, options: EvaluationOptions = EvaluationOptions()
    ) throws {
        let own = original.map { data.renamed(from: $0, to: graph) } ?? data
        let labels = labels ?? ClassLabels(of: own, for: graph)
        objection = labels.objection
        guard let objection else {
            let evaluation = try Evaluation(of: graph, on: own, labels: labels, options: options)
            (score, sampleCount, brokenSampleCount) = (evaluation.top1, evaluation.sampleCount, evaluation.brokenSampleCount)
            return
        }
        name = "agreement (\(objection))"
        guard let original else { throw WinnowError(.data, "evaluation", "has neither labels nor an original model") }
        var samples = data
        samples.labels = nil
        // The least rounding swaps ranks, which says nothing of how good a model is.
        let comparable = try original.comparableOutputs(with: graph)
        if comparable != nil { name = "agreement (\(objection); of what determines ranked or chosen outputs)" }
        let run = try MetricRun(of: comparable?.other ?? graph, original: comparable?.own ?? original, on: samples, options: options)
        results = run.results
        (sampleCount, brokenSampleCount) = (samples.count, run.brokenSampleCount)
        let cosines = results.filter { $0.metric == Cosine.name }.compactMap(\.value)
        // Of several outputs no class tells: that of one may hold while the others are lost.
        score = (cosines.count > 1 ? cosines.min() : nil) ?? run[Top1Agreement.self]?.value ?? cosines.first ?? 0
    }

    /// What a judge measured. Throws `.numeric` where that is no finite number.
    ///
    /// - Parameter isPart: whether it is a part of one; nil: as the number tells.
    init(_ result: MetricResult, isPart: Bool? = nil) throws {
        guard let value = result.value, value.isFinite else { throw Self.problem(result) }
        results = [result]
        name = result.metric
        scale = ScoreScale(of: result, isPart: isPart)
        score = scale.measured(value)
    }

    private static func problem(_ result: MetricResult) -> WinnowError {
        guard result.value == .infinity, result.isHigherBetter else {
            return WinnowError(
                .numeric, result.metric, "is no finite number",
                remedy: "check the model and the data for values that are not finite, or choose another metric")
        }
        return WinnowError(
            .numeric, result.metric, "has no limit for outputs that equal the original's, so no drop can be counted from there",
            remedy: "choose \(RelativeError.name) or \(Cosine.name)")
    }

    /// A score of this kind as it was measured.
    package func measured(_ score: Double) -> Double { scale.measured(score) }
}
