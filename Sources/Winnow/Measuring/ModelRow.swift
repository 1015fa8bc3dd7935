import Foundation
public import WinnowEngine
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
    /// nil where the data has no labels, or none that fit an output (N, classes).
    public var top1: Double?
    /// The same accuracy as onnxruntime computes it; filled in by who runs onnxruntime.
    public var onnxruntimeTop1: Double?
    /// How well the outputs agree with the first model's, where there is no top-1.
    public var metrics: [MetricResult]?
    /// The median time of one sample on one thread, and on all that commands use.
    public var latencyMilliseconds: Double?
    public var latencyOnAllThreadsMilliseconds: Double?
    /// Against the first model, measured in turns.
    public var speedup: Speedup?
    public var sampleCount: Int
    public var notes: [String]

    /// Measures files on one split of the data, the first being the original; `source` is what errors call the data.
    public static func rows(
        _ paths: [String], data: DataSplits, split: String = "test", source: String = "the data",
        options: MeasuringOptions = MeasuringOptions()
    ) throws -> [ModelRow] {
        guard let split = DataSplits.Split(rawValue: split) else {
            throw WinnowError(.usage, "--split", "\(split) is no split", remedy: "choose training, validation, test or all")
        }
        let samples = try data.required(split, of: source)
        let models = try paths.map { path in
            (stage: URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent, model: try Model(reading: path))
        }
        var measuring = try Measuring(DataSplits(test: samples), of: models.first?.model.graph, options)
        measuring.timesLayers = false
        let measured = try measuring(models, name: models.first?.model.graph.name ?? "", histograms: false)
        if measured.allSatisfy({ $0.top1 == nil && $0.latency == nil && ($0.metrics ?? []).isEmpty }) {
            try checkOneRuns(zip(paths, models.map(\.model)).map { ($0, $1) }, on: samples)
        }
        return zip(models, measured).map { ModelRow(name: $0.model.graph.name, $1, sampleCount: samples.count) }
    }

    /// Throws why the first model cannot be run where none can.
    private static func checkOneRuns(_ models: [(path: String, model: Model)], on samples: Dataset) throws {
        var reason: WinnowError?
        for (path, model) in models {
            do {
                let own = try samples.renamed(from: models[0].model.graph, to: model.graph).adapted(to: model.graph)
                guard let batch = own.batches(of: 1, for: model.graph).first else { return }
                return try Session(model.graph).plan(for: batch, of: own).execute()
            } catch let error as WinnowError { reason = reason ?? error.within(path) }
        }
        if let reason { throw reason }
    }

    private init(name: String, _ measured: ModelMeasurement, sampleCount: Int) {
        model = name
        stage = measured.stage
        file = measured.file ?? ""
        byteCount = measured.byteCount ?? 0
        zippedByteCount = measured.zippedByteCount ?? 0
        sparsity = measured.sparsity
        parameters = measured.parameters
        top1 = measured.top1
        metrics = measured.metrics
        latencyMilliseconds = measured.latency?.medianMilliseconds
        latencyOnAllThreadsMilliseconds = measured.latencyOnAllThreads?.medianMilliseconds
        speedup = measured.speedup
        self.sampleCount = sampleCount
        notes = measured.notes ?? []
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
        try container.encodeIfPresent(metrics, forKey: .metrics)
        try container.encode(latencyMilliseconds, forKey: .latencyMilliseconds)
        try container.encodeIfPresent(latencyOnAllThreadsMilliseconds, forKey: .latencyOnAllThreadsMilliseconds)
        try container.encodeIfPresent(speedup, forKey: .speedup)
        try container.encode(sampleCount, forKey: .sampleCount)
        try container.encode(notes, forKey: .notes)
    }

    /// The rows as a table for a terminal, and what must be known to read it.
    public static func text(_ rows: [ModelRow]) -> String {
        let table = TextTable(
            header: ["file", "bytes", "zipped", "sparsity", "parameters", "top-1", "latency (ms)"],
            rows: rows.map { row in
                [
                    row.file, "\(row.byteCount)", "\(row.zippedByteCount)", percent(row.sparsity), "\(row.parameters)",
                    row.top1.map(percent) ?? "–", row.latencyMilliseconds.map { String(format: "%.4f", $0) } ?? "–",
                ]
            }
        ).lines
        var seen: Set<String> = []
        let notes = rows.flatMap(\.notes).filter { seen.insert($0).inserted }
        let agreement = rows.flatMap { row in (row.metrics ?? []).outputLines.map { "\(row.file): \($0)" } }
        let speed = rows.filter { $0.model == rows[0].model }.compactMap { row in
            row.speedup.map { "\(row.file): \($0.words) than \(rows[0].file) on 1 thread" }
        }
        let deviation = rows.first.flatMap { row in
            row.top1.map { row.sampleCount > 0 ? [ModelMeasurement.deviationText(ofAccuracy: $0, row.sampleCount)] : [] }
        }
        return (table + (deviation ?? []) + notes + agreement + speed).joined(separator: "\n")
    }

    private static func percent(_ value: Double) -> String { String(format: "%.2f %%", 100 * value) }
}
