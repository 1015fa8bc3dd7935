public import WinnowEngine
public import WinnowGraph
import WinnowTensor
package import WinnowTraining

/// What a pass may use besides the graph: data, a seed, and the wires to whoever started it.
public struct PassContext {
    /// Samples whose statistics fix quantization ranges; the training data serves where it is missing.
    public var calibration: Dataset?
    public var training: Dataset?
    /// What choices are made on; never the test data.
    public var validation: Dataset?
    public var seed: UInt64
    /// The quality of a graph on data, larger is better, where the caller has one of its own.
    private var ownQuality: ((Graph, Dataset) throws -> Double)?
    public var progress: ProgressReporter?
    public var cancellation: Cancellation?
    /// Where the part of the work with this name keeps its checkpoints; nil: a stop loses it.
    package var checkpoints: ((_ part: String) throws -> any CheckpointStore)?
    /// The model before compression began, where a longer work has one: the teacher that distillation takes by itself.
    public var teacher: Graph?
    /// Reads another model that a pass names: a teacher.
    package var loadModel: ((_ path: String) throws -> Graph)?

    public init(
        calibration: Dataset? = nil, training: Dataset? = nil, validation: Dataset? = nil, seed: UInt64 = 0,
        progress: ProgressReporter? = nil, cancellation: Cancellation? = nil
    ) {
        self.calibration = calibration
        self.training = training
        self.validation = validation
        self.seed = seed
        self.progress = progress
        self.cancellation = cancellation
    }

    /// The quality of a graph on data, larger is better: see `quality(of:on:)` unless another is set.
    public var evaluate: (Graph, Dataset) throws -> Double {
        get { ownQuality ?? { try quality(of: $0, on: $1) } }
        set { ownQuality = newValue }
    }

    /// What `evaluate` measures of a graph like this one.
    package func qualityName(of graph: Graph, on data: Dataset) -> String {
        guard let objection = Evaluation.objection(to: graph, on: data), ownQuality == nil else { return "top-1" }
        return "agreement (\(objection))"
    }

    /// Top-1 where labels fit; else agreement with the model before compression: the part of the samples that get the same class
    /// where the first output is scores, else the least cosine of all outputs.
    private func quality(of graph: Graph, on data: Dataset) throws -> Double {
        if Evaluation.objection(to: graph, on: data) == nil {
            return try Evaluation(of: graph, on: data, cancellation: cancellation).top1
        }
        guard let teacher else { throw WinnowError(.data, "evaluation", "has neither labels nor an original model") }
        var data = data
        data.labels = nil
        let run = try MetricRun(of: graph, original: teacher, on: data, cancellation: cancellation)
        return run[Top1Agreement.self]?.value ?? run.results.filter { $0.metric == Cosine.name }.compactMap(\.value).min() ?? 0
    }

    /// The calibration data as `graph` takes it; throws `.data` where there is none.
    package func calibrationData(for graph: Graph) throws -> Dataset {
        try Self.require(calibration ?? training, "calibration data").adapted(to: graph)
    }

    package func trainingData(for graph: Graph) throws -> Dataset {
        try Self.require(training, "training data").adapted(to: graph)
    }

    package func validationData(for graph: Graph) throws -> Dataset {
        try Self.require(validation, "validation data").adapted(to: graph)
    }

    private static func require(_ data: Dataset?, _ kind: String) throws -> Dataset {
        guard let data, data.count > 0 else {
            throw WinnowError(.data, "", "needs \(kind), and there is none", remedy: "give some with --data")
        }
        return data
    }

    /// Differs where the samples of any kind do.
    package var dataFingerprint: String {
        [calibration, training, validation].map { $0?.fingerprint ?? "none" }.joined(separator: " ")
    }

    /// The same context for one part of a longer work, keeping its checkpoints apart.
    package func part(_ name: String) -> PassContext {
        var part = self
        if let checkpoints { part.checkpoints = { try checkpoints("\(name)-\($0)") } }
        return part
    }
}
