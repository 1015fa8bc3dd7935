package import WinnowGraph
package import WinnowTensor

/// Runs a graph: lowers it once, keeps a plan for each combination of input shapes.
package final class Session {
    package let graph: Graph
    private let lowered: Graph
    private let options: SessionOptions
    private var plans: [[Shape]: Plan] = [:]

    package init(_ graph: Graph, options: SessionOptions = SessionOptions()) throws {
        self.graph = graph
        self.options = options
        lowered = try options.lowers ? graph.lowered() : graph.removingDeadNodes()
    }

    /// The plan for these input shapes, made at the first call.
    package func plan(for inputShapes: [ValueName: Shape]) throws -> Plan {
        for name in inputShapes.keys where !graph.inputNames.contains(name) {
            throw WinnowError(
                .data, "input \(name)", "the model has no such input",
                remedy: "its inputs are \(graph.inputNames.joined(separator: ", "))")
        }
        let key = graph.inputs.map { inputShapes[$0.name] ?? [] }
        if let plan = plans[key] { return plan }
        let plan = try Plan(settled(for: inputShapes), inputShapes: inputShapes, options: options)
        plans[key] = plan
        return plan
    }

    /// The graph to plan for these shapes, which may decide what its control flow does.
    private func settled(for shapes: [ValueName: Shape]) throws -> Graph {
        guard options.lowers, lowered.nodes.contains(where: { !$0.op.bodies.isEmpty }) else { return lowered }
        let types = lowered.inputs.compactMap { input in
            shapes[input.name].map { (input.name, ValueType(input.type.elementType, $0)) }
        }
        return try lowered.taking(Dictionary(types, uniquingKeysWith: { first, _ in first })).settlingControlFlow()
    }

    /// The outputs for these inputs, all by name.
    package func run(_ inputs: [ValueName: Tensor]) throws -> [ValueName: Tensor] {
        let plan = try plan(for: inputs.mapValues(\.shape))
        for (name, tensor) in inputs { try plan.setInput(name, tensor) }
        try plan.execute()
        var outputs: [ValueName: Tensor] = [:]
        for name in graph.outputs { outputs[name] = plan.output(name) }
        return outputs
    }
}
