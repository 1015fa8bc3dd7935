import WinnowGraph
import WinnowEngine
public import WinnowReport
import WinnowTensor

/// Two models side by side: what they cost and how far their outputs are apart.
public struct Comparison: Codable, Sendable {
    /// How one output of the second model differs from the first's.
    public struct Output: Codable, Sendable {
        public var name: String
        /// The cosine of the angle between both outputs, over all samples.
        public var cosine: Double
        /// 10·log₁₀(Σa² / Σ(a−b)²) in dB; nil where both are equal.
        public var signalToNoiseDecibels: Double?
        public var maximumDifference: Double
        /// The part of the samples whose largest element is at the same place.
        public var agreement: Double
    }

    public var models: [ModelMeasurement]
    public var outputs: [Output]
    /// The samples the outputs were compared on, and where these came from.
    public var sampleCount: Int
    public var samples: String

    /// Compares on `data`'s test split (else validation), or on seeded random inputs if there is none.
    public init(_ a: Model, _ b: Model, data: DataSplits? = nil, sampleLimit: Int = 256) throws {
        models = try [("a", a), ("b", b)].map { stage, model in
            try model.measurement(model: model.graph.name, stage: model.path ?? stage, data: data, histograms: false)
        }
        let inputs: [String: Tensor]
        if let set = try (data?.test ?? data?.validation)?.adapted(to: a.graph) {
            sampleCount = min(sampleLimit, set.count)
            inputs = set.batch(at: Array(0..<sampleCount))
            samples = "data"
        } else {
            sampleCount = 16
            inputs = try RandomInputs(seed: 0).inputs(for: a.graph, batchSize: sampleCount)
            samples = "random inputs: give --data for numbers that mean something"
        }
        let first = try a.run(inputs)
        let second = try b.run(inputs)
        outputs = a.graph.outputNames.compactMap { name in
            guard let x = first[name], let y = second[name], x.shape == y.shape else { return nil }
            return Output(name: name, x, y)
        }
    }
}

extension Comparison.Output {
    init(name: String, _ a: Tensor, _ b: Tensor) {
        let x = a.doubles()
        let y = b.doubles()
        var (xx, yy, xy, noise, largest) = (0.0, 0.0, 0.0, 0.0, 0.0)
        for (p, q) in zip(x, y) {
            xx += p * p
            yy += q * q
            xy += p * q
            noise += (p - q) * (p - q)
            largest = max(largest, (p - q).magnitude)
        }
        self.name = name
        cosine = xx > 0 && yy > 0 ? xy / (xx * yy).squareRoot() : (xx == yy ? 1 : 0)
        signalToNoiseDecibels = noise > 0 ? 10 * DecibelScale.log10(xx / noise) : nil
        maximumDifference = largest
        let rows = a.shape.first ?? 1
        let width = rows > 0 ? x.count / rows : 0
        func best(_ values: [Double], _ row: Int) -> Int? {
            (0..<width).max { values[row * width + $0] < values[row * width + $1] }
        }
        agreement = rows > 0 ? Double((0..<rows).count { best(x, $0) == best(y, $0) }) / Double(rows) : 1
    }
}
