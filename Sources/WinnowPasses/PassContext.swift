public import WinnowEngine
public import WinnowGraph
import WinnowTensor

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
    /// Where long work keeps what it has finished; nil: a stop loses it.
    package var state: RunState?
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

    /// The quality of a graph on data, larger is better: top-1 where labels fit, else agreement with the model before compression,
    /// unless another is set.
    public var evaluate: (Graph, Dataset) throws -> Double {
        get { { try bench.trial($0, on: $1).quality.score } }
        set { ownQuality = newValue }
    }

    /// What measures candidates for the result.
    package var bench: Bench { Bench(original: teacher, cancellation: cancellation, judge: ownQuality) }

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

    /// The state of a pass's work on a graph, which goes on only where the pass, the graph and the rest of the context are the same.
    package func state(of pass: some Pass, on graph: Graph) throws -> RunState? {
        try state.map { state in
            try state.bound(
                to: Fingerprint(
                    models: [graph, teacher].compactMap { $0 }, data: [calibration, training, validation],
                    settings: pass.hyperparameters, seed: seed))
        }
    }
}
