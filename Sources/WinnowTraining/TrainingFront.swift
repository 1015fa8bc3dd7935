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

extension Node {
    /// What is said where nothing behind such a node can be trained.
    var nothingBehind: WinnowError {
        WinnowError(
            .unsupported, "node \(name)", "\(op.type) runs between plans: layers behind it alone could be trained, and there are none that may be",
            remedy: "export the model without \(op.type), as its data go through it")
    }
}
