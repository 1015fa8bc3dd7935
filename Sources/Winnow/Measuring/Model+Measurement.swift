import Foundation
public import WinnowEngine
public import WinnowReport
public import WinnowTensor

extension Model {
    /// The constant tensors by name: weights, biases, masks, scales.
    public var parameters: [String: Tensor] { graph.initializers }

    /// The multiply–accumulates of one sample; nil where they depend on extents that are open.
    public var multiplyAccumulates: Int? { graph.multiplyAccumulates().total }

    /// What the model costs and, given data, how good it is. Bytes are those of its file; a model that has none yet is written
    /// to a temporary one.
    public func measured(
        as stage: String, on data: DataSplits? = nil, options: MeasuringOptions = MeasuringOptions()
    ) throws -> ModelMeasurement {
        try [Model].measured([(stage, self)], on: data, options: options)[0]
    }

    /// Accuracy and loss on labelled data, from the executed model. Throws `.data` where labels are missing or out of range.
    public func evaluated(on data: Dataset) throws -> Evaluation { try Evaluation(of: graph, on: data) }

    /// How good the model is on data by a measure of one's own, beside the one it was made from where that is given.
    public func evaluated(on data: Dataset, by judge: Judge, original: Model? = nil) throws -> MetricResult {
        try judge.result(of: graph, original: original?.graph, on: data)
    }

    /// Calls `body` with the model as a file, a temporary one where it has none.
    func withFile<Result>(_ body: (Model) throws -> Result) throws -> Result {
        guard path == nil else { return try body(self) }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("winnow-\(UUID().uuidString).onnx").path
        defer { try? FileManager.default.removeItem(atPath: file) }
        try writeTemporarily(to: file)
        return try body(Model(graph, path: file))
    }

    /// Writes it to a file of the folder for such as go again; where that cannot be, the error tells which folder to give.
    func writeTemporarily(to path: String) throws {
        do { try write(to: path) } catch var error as WinnowError where error.kind == .file {
            error.remedy = NamelessFile.remedy
            throw error
        }
    }
}

extension [Model] {
    /// States of one model measured alike, the original first: costs, quality on the same data, and latency in turns.
    public static func measured(
        _ stages: [(stage: String, model: Model)], on data: DataSplits? = nil, options: MeasuringOptions = MeasuringOptions()
    ) throws -> [ModelMeasurement] {
        guard let original = stages.first?.model.graph else { return [] }
        return try Measuring(data?.kept(for: original), of: original, options)(stages, name: original.name)
    }
}

extension Report {
    /// A comparison of models measured on this machine; `text` is its table.
    public init(title: String, comparing models: [ModelMeasurement]) {
        self.init(title: title, environment: Platform.environment, models: models, steps: [])
    }
}
