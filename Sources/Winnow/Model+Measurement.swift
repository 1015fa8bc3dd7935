import Foundation
public import WinnowReport
public import WinnowTensor

extension Model {
    /// The constant tensors by name: weights, biases, masks, scales.
    public var parameters: [String: Tensor] { graph.initializers }

    /// The multiply–accumulates of one sample.
    public var multiplyAccumulates: Int? { graph.multiplyAccumulates().total }

    /// What the model costs and, given data, its accuracy. Bytes are those of its file; a model that has none yet is written
    /// to a temporary one.
    public func measured(as stage: String, on data: DataSplits? = nil) throws -> ModelMeasurement {
        guard path == nil else { return try measurement(model: graph.name, stage: stage, data: data) }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("winnow-\(UUID().uuidString).onnx").path
        defer { try? FileManager.default.removeItem(atPath: file) }
        try write(to: file)
        var result = try Model(graph, path: file).measurement(model: graph.name, stage: stage, data: data)
        result.file = nil
        return result
    }
}

extension Report {
    /// A comparison of models measured on this machine; `text` is its table.
    public init(title: String, comparing models: [ModelMeasurement]) {
        self.init(title: title, environment: Platform.environment, models: models, steps: [])
    }
}
