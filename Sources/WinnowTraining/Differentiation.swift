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
}

/// One walk from the loss back to the values, collecting what every consumer adds to a value's gradient.
private struct BackwardSweep {
    let builder: GraphBuilder
    /// Values on a path from the listed values; only their gradients are built.
    let dependents: Set<ValueName>
    var contributions: [ValueName: [ValueName]] = [:]

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
            throw error.within("gradient of node \(node.name) (\(node.op.type))")
        }
        guard let results else {
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
