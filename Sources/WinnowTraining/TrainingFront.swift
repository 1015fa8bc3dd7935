import WinnowEngine
import WinnowGraph
import WinnowTensor

/// What stands before the trained part because a plan of training cannot hold it: nodes that run between plans, and all that they need. It
/// is computed for every batch as at inference, its weights as they are, and the trained part takes its values beside the data.
struct TrainingFront {
    /// Its outputs are the values that the trained part reads.
    let graph: Graph
    /// Its initializers, each with the first node behind it that runs between plans.
    let holders: [ValueName: Node]
    /// The input of the trained part that takes each output.
    private let inputs: [ValueName: ValueName]
    private let session: Session

    /// - Parameter nodes: those of the objective's graph that run between plans.
    /// - Throws: `.unsupported` naming the node that makes the loss, behind which there is nothing.
    init(of nodes: [Node], before objective: Objective, options: SessionOptions) throws {
        let names = Set(nodes.map(\.name))
        if let last = nodes.first(where: { $0.outputs.contains(objective.loss) }) { throw last.nothingBehind }
        var needed: Set<ValueName> = [objective.loss]
        for node in objective.graph.nodes.reversed() where !names.contains(node.name) && node.outputs.contains(where: { needed.contains($0) }) {
            needed.formUnion(node.readValues)
        }
        var edit = GraphEdit()
        edit.outputs = nodes.flatMap(\.outputs).filter { needed.contains($0) }
        graph = try objective.graph.applying(edit).removingDeadNodes()
        session = try Session(graph, options: options)
        inputs = graph.outputs.reduce(into: [:]) { inputs, value in inputs[value] = objective.graph.freshValueName("\(value).given") }
        var reached: [ValueName: Node] = [:]
        for node in graph.nodes.reversed() {
            guard let holder = names.contains(node.name) ? node : node.outputs.lazy.compactMap({ reached[$0] }).first else { continue }
            for value in node.readValues where reached[value] == nil { reached[value] = holder }
        }
        let initializers = graph.initializers
        holders = reached.filter { initializers[$0.key] != nil }
    }

    /// The values of these samples, by the inputs that take them.
    func values(of samples: ArraySlice<Int>, step: Int, _ assembler: BatchAssembler) throws -> [ValueName: Tensor] {
        let plan = try session.plan(for: assembler.shapes(count: samples.count))
        try assembler.fill(plan, samples: samples, step: step)
        try plan.execute()
        return try inputs.reduce(into: [:]) { values, pair in
            guard let tensor = plan.output(pair.key) else {
                throw WinnowError(.unsupported, "value \(pair.key)", "is no tensor, so a model cannot be trained behind it")
            }
            values[pair.value] = tensor
        }
    }

    /// The objective from its values on.
    ///
    /// - Parameter samples: a batch that tells shapes where the graph does not.
    func trainedPart(of objective: Objective, samples: ArraySlice<Int>, _ assembler: BatchAssembler) throws -> Objective {
        let infos = objective.graph.infos
        let areKnown = inputs.keys.allSatisfy { infos[$0].map { !$0.isGuess && $0.type.isTensor && $0.type.extents != nil } ?? false }
        let examples = areKnown ? [:] : try values(of: samples, step: 0, assembler)
        var edit = GraphEdit()
        edit.outputs = [objective.loss]
        for (value, input) in inputs.sorted(by: { $0.key < $1.key }) {
            let declared = infos[value]?.type.extents == nil ? nil : infos[value]?.type
            let seen = examples[input].map { example in
                // An extent of as many as there are samples may be that of samples.
                ValueType(example.elementType, example.shape.map { $0 == samples.count ? .unknown : .fixed($0) })
            }
            guard let type = declared ?? seen else { continue }
            edit.rewired[value] = input
            edit.addedInputs.append(GraphInput(input, type))
        }
        var result = objective
        result.graph = try objective.graph.applying(edit).removingDeadNodes()
        return result
    }
}

/// The part of an objective that one plan trains, and what stands before it.
struct TrainedPart {
    let graph: TrainingGraph
    /// The graph as plans execute it.
    let lowered: Graph
    /// nil where one plan holds everything.
    let front: TrainingFront?

    /// - Parameter samples: a batch that tells shapes where the graph does not.
    /// - Throws: `.unsupported` naming a node that runs between plans where nothing behind it is to be trained, or something before it is
    ///   changed by others than training; what `TrainingGraph` throws.
    init(of objective: Objective, by trainer: Trainer, samples: ArraySlice<Int>, _ assembler: BatchAssembler) throws {
        let objective = try objective.taking(assembler.shapes(count: 1))
        let whole = Result { try trainer.trainingGraph(of: objective) }
        let remaining = try Self.interpretedOutputs(whole, of: objective, trainer)
        let nodes = objective.graph.interpretedNodes.filter { !remaining.isDisjoint(with: $0.outputs) }
        guard let last = nodes.last else {
            (graph, lowered) = try whole.get()
            front = nil
            return
        }
        let front = try TrainingFront(of: nodes, before: objective, options: trainer.options)
        let changed = trainer.hooks.reduce(into: Set<ValueName>()) { $0.formUnion($1.variables) }
        if let (name, node) = front.holders.filter({ changed.contains($0.key) }).min(by: { $0.key < $1.key }) {
            throw WinnowError(
                .unsupported, "node \(node.name)",
                "\(node.op.type) runs between plans, and \(name) before it would change while layers behind it train",
                remedy: "leave the layers before it out")
        }
        let part = try front.trainedPart(of: objective, samples: samples, assembler)
        do { (graph, lowered) = try trainer.trainingGraph(of: part, frozen: Set(front.holders.keys)) } catch let error as WinnowError {
            throw error.kind == .model ? last.nothingBehind : error
        }
        self.front = front
    }

    /// What nodes between plans make of what the loss needs.
    private static func interpretedOutputs(
        _ whole: Result<(TrainingGraph, Graph), any Error>, of objective: Objective, _ trainer: Trainer
    ) throws -> Set<ValueName> {
        switch whole {
        case .success(let (_, lowered)): return Set(lowered.interpretedNodes.flatMap(\.outputs))
        case .failure(let error as WinnowError) where [.unsupported, .model].contains(error.kind):
            var edit = GraphEdit()
            edit.outputs = [objective.loss]
            guard let needed = try? objective.graph.applying(edit).removingDeadNodes().takingDefaults(),
                let lowered = try? trainer.options.lowers ? needed.lowered(variables: Set(needed.trainableInitializers())) : needed
            else { throw error }
            return Set(lowered.interpretedNodes.flatMap(\.outputs))
        case .failure(let error): throw error
        }
    }

    /// Parameters that stay as they are because of a node behind them that runs between plans, and that node.
    func held(by trainer: Trainer) -> [ValueName: Node] {
        guard let front else { return [:] }
        let trainable = Set(front.graph.trainableInitializers(trained: Set(trainer.parameterOptions.keys))).subtracting(trainer.frozen)
        return front.holders.filter { trainable.contains($0.key) && trainer.model.initializers[$0.key] != nil }
    }
}

extension Trainer {
    /// An objective with its gradients, and that as plans execute it.
    fileprivate func trainingGraph(of objective: Objective, frozen others: Set<ValueName> = []) throws -> (TrainingGraph, Graph) {
        let graph = try TrainingGraph(
            objective, frozen: frozen.union(others), trained: Set(parameterOptions.keys),
            changed: hooks.reduce(into: []) { $0.formUnion($1.variables) }, watched: hooks.flatMap(\.gradients),
            sources: parameterOptions.compactMapValues(\.gradientSource))
        return (graph, try options.lowers ? graph.graph.lowered(variables: graph.variables) : graph.graph)
    }
}

extension Node {
    /// What is said where nothing behind such a node can be trained.
    fileprivate var nothingBehind: WinnowError {
        WinnowError(
            .unsupported, "node \(name)", "\(op.type) runs between plans: layers behind it alone could be trained, and there are none that may be",
            remedy: "export the model without \(op.type), as its data go through it")
    }
}
