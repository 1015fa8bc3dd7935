public import WinnowEngine
public import WinnowGraph
package import WinnowTensor
public import WinnowTraining

/// What a pass may use besides the graph: data, a seed, and the wires to whoever started it.
public struct PassContext {
    /// Samples whose statistics fix quantization ranges; the training data serves where it is missing.
    public var calibration: Dataset?
    public var training: Dataset?
    /// What choices are made on; never the test data.
    public var validation: Dataset?
    public var seed: UInt64
    /// What graphs are judged by in place of top-1 or agreement.
    public var judge: Judge?
    /// What training makes small in place of the cross-entropy of the scores (the first output of floats), made of the graph that is trained.
    public var objective: (@Sendable (Graph) throws -> Objective)?
    public var progress: ProgressReporter?
    public var cancellation: Cancellation?
    /// Where long work keeps what it has finished; nil: a stop loses it.
    package var state: RunState?
    /// Whether passes are only tried out: those that train by themselves do so for one epoch.
    package var isRehearsal = false
    /// The model before compression began, where a longer work has one: the teacher that distillation takes by itself.
    public var teacher: Graph?
    /// Reads another model that a pass names: a teacher.
    package var loadModel: ((_ path: String) throws -> Graph)?
    /// Reads a file of named arrays that a pass names; the one array of an npy file has no name.
    package var loadArrays: ((_ path: String) throws -> [String: Tensor])?
    /// The bytes of the file that a graph would be written as; nil: those of its tensors stand for them.
    package var fileByteCount: ((Graph) throws -> Int)?

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

    /// How good a graph is on data, larger is better: by `judge`, negative where lower is better, if there is one; else top-1 where
    /// labels fit, else agreement with the model before compression.
    public func evaluate(_ graph: Graph, _ data: Dataset) throws -> Double { try bench.trial(graph, on: data).quality.score }

    /// What measures candidates for the result.
    package var bench: Bench { Bench(original: teacher, options: EvaluationOptions(cancellation: cancellation), judge: judge) }

    /// The model before compression began; nil where there was none, or `graph` is that model still.
    package func model(before graph: Graph) -> Graph? { teacher.flatMap { $0.hasContents(of: graph) ? nil : $0 } }

    /// The calibration data as `graph` takes it; throws `.data` where there is none.
    package func calibrationData(for graph: Graph) throws -> Dataset {
        try Self.require(calibration ?? training, "calibration data").adapted(to: graph)
    }

    /// The training data as it came, which may hold more than `graph` takes: what an objective compares with. Throws `.data` where it does
    /// not fit.
    package func trainingSource(for graph: Graph) throws -> Dataset {
        let data = try Self.require(training, "training data")
        _ = try data.drawn(1).adapted(to: graph)
        return data
    }

    /// Throws `.data` where there is not the data that a pass cannot do without.
    package func check(_ needs: PassNeeds) throws {
        switch needs {
        case .nothing: break
        case .calibration: _ = try Self.require(calibration ?? training, "calibration data")
        case .training: _ = try Self.require(training, "training data")
        }
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
                    models: [graph, teacher, objective?(graph).graph].compactMap { $0 }, data: [calibration, training, validation],
                    settings: [.table(pass.hyperparameters)] + (judge.map { [.string("\($0)")] } ?? []) as [HyperparameterValue], seed: seed))
        }
    }
}
