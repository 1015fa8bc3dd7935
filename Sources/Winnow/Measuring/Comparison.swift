import WinnowEngine
import WinnowGraph
public import WinnowReport
import WinnowTensor

/// Two models side by side: what they cost and how far their outputs are apart.
public struct Comparison: Codable, Sendable {
    /// How one output of the second model differs from the first's.
    public struct Output: Codable, Sendable {
        public var name: String
        public var deviation: Deviation
        /// The part of the samples to which both give the same class; nil where the output is no scores (N, classes).
        public var agreement: Double?
    }

    public var models: [ModelMeasurement]
    public var outputs: [Output]
    /// Where the models part, if it was asked for.
    public var divergence: Divergence?
    /// The samples the outputs were compared on, and where these came from.
    public var sampleCount: Int
    public var samples: String

    /// Compares on `data`'s test split (else validation), or on seeded random inputs if there is none.
    /// Throws `.model` if the outputs do not correspond.
    ///
    /// Outputs are compared on at most `sampleLimit` samples; what models are judged by takes all. With `nodeTolerance` the
    /// values inside are compared too, and the first whose relative error is larger is found.
    public init(
        _ a: Model, _ b: Model, data: DataSplits? = nil, sampleLimit: Int = 256, nodeTolerance: Double? = nil,
        options: MeasuringOptions = MeasuringOptions()
    ) throws {
        let data = data?.kept(for: a.graph)
        let measuring = try Measuring(data, of: a.graph, options)
        let own = data?.test ?? data?.validation ?? data?.training
        samples = own == nil ? "random inputs: give --data for numbers that mean something" : "data"
        let set = try own?.drawn(sampleLimit).withoutLabels.adapted(to: a.graph)
        sampleCount = set?.count ?? a.graph.fixedBatchSize ?? min(16, sampleLimit)
        func random(_ count: Int) throws -> [ValueName: Tensor] {
            try RandomInputs(seed: 0).inputs(for: a.graph, batchSize: count, shapes: measuring.shapes)
        }
        let run = try set.map { try MetricRun(of: b.graph, original: a.graph, on: $0, options: measuring.evaluation) }
            ?? MetricRun(of: b.graph, original: a.graph, inputs: random(sampleCount))
        outputs = run.sums.map { name, sums in
            let agreement = run.results.first { $0.output == name && $0.metric == Top1Agreement.name }
            return Output(name: name, deviation: Deviation(sums), agreement: agreement?.value)
        }
        models = try measuring([("a", a), ("b", b)].map { stage, model in (model.path ?? stage, model) }, name: a.graph.name, histograms: false)
        divergence = try nodeTolerance.map { tolerance in
            let few = set?.drawn(32)
            let batch = try few.flatMap { few in try few.batches(of: 32, for: a.graph).first.map { try few.batch(at: $0.indices) } }
            return try Divergence(a.graph, b.graph, on: batch ?? random(min(sampleCount, 32)), tolerance: tolerance)
        }
    }
}

extension Comparison: CustomStringConvertible {
    public var description: String { text }

    /// The models as a table, then how far apart each output is, then where the models part, if it was asked for.
    public var text: String {
        let table = Report(title: "", environment: [:], models: models, steps: []).text
        let lines = outputs.map { output in
            let agreement = output.agreement.map { ", same top-1 for \(($0 * 10_000).rounded() / 100) %" } ?? ""
            return "\(output.name): \(output.deviation.text)\(agreement) (\(sampleCount) samples, \(samples))"
        }
        return ([table] + lines + (divergence.map { ["", $0.text] } ?? [])).joined(separator: "\n")
    }
}
