import Foundation
import WinnowEngine
import WinnowGraph
import WinnowReport
import WinnowTensor

/// One model file as `winnow evaluate` lists it.
public struct ModelRow: Codable, Sendable {
    /// The network's name.
    public var model: String
    /// The file's name without its ending: `baseline`, `compressed`.
    public var stage: String
    public var file: String
    public var byteCount: Int
    public var zippedByteCount: Int
    public var sparsity: Double
    public var parameters: Int
    public var top1: Double
    /// The same accuracy as onnxruntime computes it; filled in by who runs onnxruntime.
    public var onnxruntimeTop1: Double?
    /// The median time of one sample.
    public var latencyMilliseconds: Double

    /// Measures a file on one split of the data, multiplying float32 in bfloat16 if asked to.
    public init(path: String, data: DataSplits, split: String, source: String, usesBFloat16: Bool = false) throws {
        guard let split = DataSplits.Split(rawValue: split) else {
            throw WinnowError(.usage, "--split", "\(split) is no split", remedy: "choose training, validation, test or all")
        }
        let samples = try data.required(split, of: source)
        let model = try Model(reading: path)
        let stage = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
        let options = SessionOptions(compute: ComputeOptions(usesBFloat16: usesBFloat16))
        let measured = try model.measurement(model: model.graph.name, stage: stage, sample: samples, histograms: false, options: options)
        self.model = model.graph.name
        self.stage = stage
        file = path
        byteCount = measured.byteCount ?? 0
        zippedByteCount = measured.zippedByteCount ?? 0
        sparsity = measured.sparsity
        parameters = measured.parameters
        top1 = try Evaluation(of: model.graph, on: samples, options: options).top1
        latencyMilliseconds = measured.latency?.medianMilliseconds ?? 0
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(model, forKey: .model)
        try container.encode(stage, forKey: .stage)
        try container.encode(file, forKey: .file)
        try container.encode(byteCount, forKey: .byteCount)
        try container.encode(zippedByteCount, forKey: .zippedByteCount)
        try container.encode(sparsity, forKey: .sparsity)
        try container.encode(parameters, forKey: .parameters)
        try container.encode(top1, forKey: .top1)
        // Written as null rather than left out: whoever fills it in finds its place.
        try container.encode(onnxruntimeTop1, forKey: .onnxruntimeTop1)
        try container.encode(latencyMilliseconds, forKey: .latencyMilliseconds)
    }

    /// The rows as a table for a terminal.
    public static func text(_ rows: [ModelRow]) -> String {
        TextTable(
            header: ["file", "bytes", "zipped", "sparsity", "parameters", "top-1", "latency (ms)"],
            rows: rows.map { row in
                [
                    row.file, "\(row.byteCount)", "\(row.zippedByteCount)", percent(row.sparsity), "\(row.parameters)",
                    percent(row.top1), String(format: "%.4f", row.latencyMilliseconds),
                ]
            }
        ).lines.joined(separator: "\n")
    }

    private static func percent(_ value: Double) -> String { String(format: "%.2f %%", 100 * value) }
}
