public import WinnowEngine
import WinnowGraph
import WinnowTensor
import WinnowTraining

/// A model made ready for one batch size, to be timed again and again on seeded random inputs.
public struct ModelTimer {
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
    private let batchSize: Int

    /// Plans `model` for inputs of `shapes`, other open extents being `batchSize`; throws where it cannot run, or cannot be
    /// trained as a classifier.
    public init(_ model: Model, _ work: Work = .inference, batchSize: Int, shapes: [String: [Int]] = [:]) throws {
        self.batchSize = batchSize
        let graph = model.graph
        let inputs = try RandomInputs(seed: 0).inputs(for: graph, batchSize: batchSize, shapes: shapes)
        switch work {
        case .inference:
            let plan = try Session(graph).plan(for: inputs.mapValues(\.shape))
            for (name, tensor) in inputs { try plan.setInput(name, tensor) }
            subject = .plan(plan)
        case .training:
            guard let classes = graph.outputs.first.flatMap({ graph.infos[$0]?.type.extents?.last?.value }) else {
                throw WinnowError(.model, graph.name, "the number of classes of its first output is not known")
            }
            var random = RandomGenerator(seed: 0)
            let labels = (0..<batchSize).map { _ in Int(random.next() % UInt64(classes)) }
            let data = try Dataset(inputs.map { .init(name: $0.key, $0.value) }, labels: labels)
            let configuration = TrainingConfiguration(
                epochs: 1, batchSize: batchSize, learningRate: 1e-6, optimizer: .sgd(momentum: 0.9), schedule: Schedule(.constant))
            subject = .step(try StepTimer(Trainer(graph, configuration: configuration), on: data))
        }
    }

    /// Median and 95th percentile over `seconds`, after a warm-up of a quarter of that.
    public func measure(seconds: Double) throws -> Latency {
        switch subject {
        case .plan(let plan): try Latency.measure(batchSize: batchSize, seconds: seconds) { try plan.execute() }
        case .step(let timer): try timer.measure(seconds: seconds)
        }
    }

    /// The executed steps with the time of each.
    public func steps(seconds: Double) throws -> [PlanStepTiming] {
        switch subject {
        case .plan(let plan): try PlanStepTiming.measure(plan, seconds: seconds)
        case .step(let timer): try PlanStepTiming.measure(timer.plan(), seconds: seconds)
        }
    }
}
