import WinnowEngine
import WinnowGraph
import WinnowTensor

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
            throw error.kind == .model && error.remedy.isEmpty ? last.nothingBehind : error
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
