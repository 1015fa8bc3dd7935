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
        /// The part of the samples whose largest element is at the same place.
        public var agreement: Double
    }

    public var models: [ModelMeasurement]
    public var outputs: [Output]
    /// Where the models part, if it was asked for.
    public var divergence: Divergence?
    /// The samples the outputs were compared on, and where these came from.
    public var sampleCount: Int
    public var samples: String

    /// Compares on `data`'s test split (else validation), or on seeded random inputs if there is none. With
    /// `nodeTolerance`, compares the values inside too and finds the first whose relative error is larger.
    /// Throws `.model` if the outputs do not correspond.
    public init(
        _ a: Model, _ b: Model, data: DataSplits? = nil, sampleLimit: Int = 256, nodeTolerance: Double? = nil
    ) throws {
        models = try [("a", a), ("b", b)].map { stage, model in
            try model.measurement(model: model.graph.name, stage: model.path ?? stage, data: data, histograms: false)
        }
        let set = try (data?.test ?? data?.validation)?.adapted(to: a.graph)
        let fixed = a.graph.requiredInputs.first?.type.extents?.first?.value
        func inputs(_ limit: Int) throws -> (values: [String: Tensor], count: Int) {
            guard let set else {
                let count = fixed ?? min(16, limit)
                return (try RandomInputs(seed: 0).inputs(for: a.graph, batchSize: count), count)
            }
            let count = fixed ?? min(limit, set.count)
            return (set.batch(at: (0..<count).map { $0 % max(1, set.count) }), count)
        }
        let batch = try inputs(sampleLimit)
        sampleCount = batch.count
        samples = set == nil ? "random inputs: give --data for numbers that mean something" : "data"
        outputs = try Self.outputs(of: a, b, on: batch.values)
        divergence = try nodeTolerance.map {
            try Divergence(a.graph, b.graph, on: inputs(min(sampleLimit, 32)).values, tolerance: $0)
        }
    }

    private static func outputs(of a: Model, _ b: Model, on inputs: [String: Tensor]) throws -> [Output] {
        let first = try a.run(inputs)
        let second = try b.run(b.graph.renaming(inputs, from: a.graph))
        let names = (a.graph.outputNames, b.graph.outputNames)
        guard Set(names.0) == Set(names.1) || names.0.count == names.1.count else {
            throw WinnowError(
                .model, "outputs", "are \(names.0.joined(separator: ", ")) in one model and \(names.1.joined(separator: ", ")) in the other")
        }
        return try zip(names.0, names.1).compactMap { name, other in
            guard let x = first[name], let y = second[name] ?? second[other] else { return nil }
            guard x.shape == y.shape else {
                throw WinnowError(.model, "output \(name)", "has shape \(x.shape) in one model and \(y.shape) in the other")
            }
            return Output(name: name, deviation: Deviation(of: y.doubles(), from: x.doubles()), agreement: agreement(x, y))
        }
    }

    /// The part of the rows whose largest elements are at the same place.
    private static func agreement(_ a: Tensor, _ b: Tensor) -> Double {
        let rows = a.shape.first ?? 1
        guard rows > 0 else { return 1 }
        let (x, y) = (a.doubles(), b.doubles())
        let width = x.count / rows
        func best(_ values: [Double], _ row: Int) -> Int? {
            (0..<width).max { values[row * width + $0] < values[row * width + $1] }
        }
        return Double((0..<rows).count { best(x, $0) == best(y, $0) }) / Double(rows)
    }
}

extension Graph {
    /// The inputs by this graph's names: those of `other` where all are known, else by position.
    func renaming(_ inputs: [String: Tensor], from other: Graph) -> [String: Tensor] {
        guard Set(inputNames) != Set(other.inputNames), inputNames.count == other.inputNames.count else { return inputs }
        return Dictionary(
            zip(other.inputNames, inputNames).compactMap { from, to in inputs[from].map { (to, $0) } },
            uniquingKeysWith: { first, _ in first })
    }
}
