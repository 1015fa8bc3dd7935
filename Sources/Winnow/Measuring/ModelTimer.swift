public import WinnowEngine
public import WinnowGraph
import WinnowPasses
public import WinnowTensor
import WinnowTraining

/// A model made ready for one batch size, to be timed again and again on the same inputs, seeded random ones or given.
public struct ModelTimer {
    /// What is timed.
    public enum Work: String, Codable, Sendable, CaseIterable {
        /// One execution.
        case inference
        /// One step of SGD with momentum on the cross-entropy: batch, forward, backward, update.
        case training
    }

    private enum Subject {
        case plan(Plan)
        case step(StepTimer)
    }

    private let subject: Subject
    /// The samples of one execution: as many as the model fixes, else what was asked for.
    let batchSize: Int
    private let multiplyAccumulates: [String: Int?]

    /// What a model is timed on.
    public struct Options: Sendable {
        /// Shapes of inputs that leave more open than the batch.
        public var shapes: [String: [Int]] = [:]
        /// Taken as they are, for the inputs they name; the others are random.
        public var values: [String: Tensor] = [:]
        /// Passes that take part in training, by name: `distillation` follows the model itself.
        public var passes: [String] = []
        /// How sums of products of float32 are computed.
        public var arithmetic = Arithmetic.fast

        public init() {}
    }

    /// Plans `model`, an open number of samples being `batchSize`; throws where other extents are not known, or it cannot run or be
    /// trained.
    public init(_ model: Model, _ work: Work = .inference, batchSize: Int, options: Options = Options()) throws {
        let graph = model.graph
        let given = InputShapes(options.shapes.mapValues { Shape($0) })
        let shapes = InputShapes(options.values.mapValues(\.shape)).filled(from: given)
        let inputs = try RandomInputs(seed: 0).inputs(for: graph, batchSize: batchSize, shapes: shapes).merging(options.values) { $1 }
        let isFixed = graph.inputs.allSatisfy { $0.type.extents?.allSatisfy { $0.value != nil } ?? false }
        self.batchSize = SampleAxes(of: graph).count(in: inputs.mapValues(\.shape)) ?? (isFixed ? 1 : batchSize)
        let sessionOptions = SessionOptions(arithmetic: options.arithmetic)
        switch work {
        case .inference:
            let shapes = inputs.mapValues(\.shape)
            let plan = try Session(graph, options: sessionOptions).plan(for: shapes)
            for (name, tensor) in inputs { try plan.setInput(name, tensor) }
            subject = .plan(plan)
            multiplyAccumulates = graph.multiplyAccumulates(inputShapes: shapes)
        case .training:
            let data = try Self.labelled(inputs, for: graph, count: batchSize)
            var trainer = try Self.trainer(of: graph, carrying: options.passes, on: data)
            trainer.options = sessionOptions
            let timer = try StepTimer(trainer, on: data)
            subject = .step(timer)
            multiplyAccumulates = timer.multiplyAccumulates()
        }
    }

    /// Median and 95th percentile over `seconds`, after a warm-up of a quarter of that.
    public func measure(seconds: Double) throws -> Latency {
        switch subject {
        case .plan(let plan): try Latency.measure(batchSize: batchSize, seconds: seconds) { try plan.execute() }
        case .step(let timer): try timer.measure(seconds: seconds)
        }
    }

    /// As `measure`, with the processor's caches emptied before each execution; executions only.
    public func measureCold(runCount: Int) throws -> Latency? {
        guard case .plan(let plan) = subject else { return nil }
        return try Latency.measureCold(batchSize: batchSize, runCount: runCount) { try plan.execute() }
    }

    /// Executes, or takes steps, so many times.
    func run(count: Int) throws {
        switch subject {
        case .plan(let plan): for _ in 0..<count { try plan.execute() }
        case .step(let timer): for _ in 0..<count { try timer.takeStep() }
        }
    }

    /// The executed steps with the time of each.
    public func steps(seconds: Double) throws -> [PlanStepTiming] {
        try PlanStepTiming.measure(plan, seconds: seconds, multiplyAccumulates: multiplyAccumulates)
    }

    /// The multiply–accumulates of one execution or step, as far as axes are known; nil where an extent is not.
    public var totalMultiplyAccumulates: Int? { multiplyAccumulates.total }

    /// The bytes of all intermediate values together as planned, after sharing memory.
    public var plannedByteCount: Int { get throws { try plan.arenaByteCount } }

    private var plan: Plan {
        get throws {
            switch subject {
            case .plan(let plan): plan
            case .step(let timer): try timer.plan()
            }
        }
    }

    private static func labelled(_ inputs: [ValueName: Tensor], for graph: Graph, count: Int) throws -> Dataset {
        guard let classes = graph.scoredOutput.flatMap({ graph.infos[$0]?.type.extents?.last?.value }) else {
            throw WinnowError(.model, graph.name, "the number of classes of its first output is not known")
        }
        var random = RandomGenerator(seed: 0)
        let labels = (0..<count).map { _ in Int(random.next() % UInt64(classes)) }
        return try Dataset(arrays: inputs.map { .init(name: $0.key, $0.value) }, labels: labels, for: graph)
    }

    /// A trainer with a rate so small that the model stays what it is.
    private static func trainer(of graph: Graph, carrying passes: [String], on data: Dataset) throws -> Trainer {
        var finetune = Finetune()
        finetune.with = try passes.map { try PassStep(named: $0) }
        finetune.batchSize = data.count
        let context = PassContext(training: data)
        var trainer = try finetune.trainer(of: graph, original: graph, in: context).trainer
        trainer.configuration = TrainingConfiguration(
            epochs: 1, batchSize: data.count, learningRate: 1e-6, optimizer: .sgd(momentum: 0.9),
            schedule: Schedule(.constant))
        return trainer
    }
}
