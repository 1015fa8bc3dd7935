package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Reverse-mode differentiation as graph: gradients are nodes, so they are planned, fused and run like the rest.
package enum Differentiation {
    /// Adds the nodes that compute ∂loss/∂v for every value v listed.
    ///
    /// - Parameter loss: a floating-point value with one element; its own gradient is the constant 1.
    /// - Returns: the graph with the added nodes, and for each listed value that the loss depends on its gradient's name.
    /// - Throws: `.unsupported` naming the node where the path from a listed value to the loss cannot be differentiated.
    package static func gradients(
        of loss: ValueName, withRespectTo values: [ValueName], in graph: Graph
    ) throws -> (graph: Graph, gradients: [ValueName: ValueName]) {
        let builder = GraphBuilder(extending: graph)
        var sweep = try BackwardSweep(graph: graph, builder: builder, values: Set(values))
        try sweep.seed(loss)
        for node in graph.nodes.reversed() { try sweep.visit(node) }
        var gradients: [ValueName: ValueName] = [:]
        for value in values { gradients[value] = try sweep.gradient(of: value) }
        return (try graph.applying(builder.edit()), gradients)
    }

    /// Those of the values from which a path to the loss leads through a node that cannot be differentiated, and that node.
    package static func obstacles(
        between values: [ValueName], and loss: ValueName, in graph: Graph
    ) throws -> [ValueName: Node] {
        var sweep = try BackwardSweep(graph: graph, builder: GraphBuilder(extending: graph), values: Set(values))
        sweep.passesObstacles = true
        try sweep.seed(loss)
        for node in graph.nodes.reversed() { try sweep.visit(node) }
        var reached: [ValueName: Node] = [:]
        for node in graph.nodes.reversed() {
            let obstacle = sweep.obstacles.contains(node.name) ? node : node.outputs.lazy.compactMap { reached[$0] }.first
            guard let obstacle else { continue }
            for input in node.inputs where !input.isEmpty && reached[input] == nil { reached[input] = obstacle }
        }
        return reached.filter { values.contains($0.key) }
    }
}

/// One walk from the loss back to the values, collecting what every consumer adds to a value's gradient.
private struct BackwardSweep {
    let builder: GraphBuilder
    /// Values on a path from the listed values; only their gradients are built.
    let dependents: Set<ValueName>
    var contributions: [ValueName: [ValueName]] = [:]
    /// Whether nodes that cannot be differentiated are noted instead of thrown.
    var passesObstacles = false
    private(set) var obstacles: Set<String> = []

    init(graph: Graph, builder: GraphBuilder, values: Set<ValueName>) throws {
        self.builder = builder
        var dependents = values
        for node in graph.nodes where node.inputs.contains(where: { dependents.contains($0) }) {
            for output in node.outputs where !output.isEmpty {
                if graph.infos[output]?.elementType.isFloatingPoint ?? true { dependents.insert(output) }
            }
        }
        self.dependents = dependents
    }

    mutating func seed(_ loss: ValueName) throws {
        guard let info = builder.info(of: loss) else {
            throw WinnowError(.model, "loss \(loss)", "is not a value of the graph")
        }
        guard info.elementType.isFloatingPoint, let extents = info.extents,
            extents.allSatisfy({ $0 == .fixed(1) })
        else {
            throw WinnowError(
                .model, "loss \(loss)", "is \(info.type), not one floating-point number", remedy: "reduce it to its mean")
        }
        let shape = Shape(extents.map { _ in 1 })
        let one = Tensor([1.0], shape: shape, as: info.elementType)
        contributions[loss] = [builder.constant("\(loss).gradient", one)]
    }

    /// Passes the gradients of a node's outputs on to those of its inputs that need one.
    mutating func visit(_ node: Node) throws {
        let isNeeded = node.inputs.map { dependents.contains($0) }
        guard isNeeded.contains(true), node.outputs.contains(where: { contributions[$0] != nil }) else { return }
        let outputGradients = try node.outputs.map { $0.isEmpty ? nil : try gradient(of: $0) }
        let context = GradientContext(
            builder: builder, node: node, outputGradients: outputGradients, isNeeded: isNeeded)
        let results: [ValueName?]?
        do { results = try node.op.gradient(context) } catch let error as WinnowError {
            guard passesObstacles, error.kind == .unsupported else { throw error.within("gradient of node \(node.name) (\(node.op.type))") }
            obstacles.insert(node.name)
            return
        }
        guard let results else {
            obstacles.insert(node.name)
            if passesObstacles { return }
            throw WinnowError(
                .unsupported, "node \(node.name) (\(node.op.type))", "cannot be differentiated",
                remedy: "freeze the parameters before it, or replace the operator")
        }
        for (index, result) in results.enumerated() where index < isNeeded.count && isNeeded[index] {
            if let result { contributions[node.inputs[index], default: []].append(result) }
        }
    }

    /// The sum of a value's contributions; nil where the loss does not depend on it.
    mutating func gradient(of value: ValueName) throws -> ValueName? {
        guard let parts = contributions[value], let first = parts.first else { return nil }
        let sum = try parts.dropFirst().reduce(first) { try builder.add(Add(), $0, $1) }
        contributions[value] = [sum]
        return sum
    }
}
