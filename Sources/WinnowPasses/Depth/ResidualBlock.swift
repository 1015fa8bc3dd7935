import WinnowGraph
import WinnowOperators
import WinnowTensor

/// A node that adds to a value what is computed from it, y = x + f(x), so that x may take the place of y.
struct ResidualBlock: Sendable {
    /// The name of the sum.
    let name: String
    let input: ValueName
    let output: ValueName
    private let inputIndex: Int

    /// All blocks of a graph in node order: x and y are floats of one known shape, and y is no output of the graph, whose name
    /// would go.
    static func all(in graph: Graph) -> [ResidualBlock] {
        let index = GraphIndex(graph)
        return graph.nodes.compactMap { node in
            guard node.op is Add, node.inputs.count == 2, node.inputs[0] != node.inputs[1], let output = node.output(0),
                !index.isOutput(output), let type = graph.infos[output]?.type, type.elementType.isFloatingPoint,
                type.extents.map({ !$0.contains(.unknown) }) == true
            else { return nil }
            let skip = (0..<2).first { position in
                let other = node.inputs[1 - position]
                return graph.infos[node.inputs[position]]?.type == type && index.depends(other, on: node.inputs[position])
            }
            return skip.map { ResidualBlock(name: node.name, input: node.inputs[$0], output: output, inputIndex: $0) }
        }
    }

    /// The graph in which the block gives on what it takes, without what nobody needs any more.
    func removed(from graph: Graph) throws -> Graph {
        guard let node = graph.node(named: name) else { return graph }
        var edit = GraphEdit(replacing: [name], with: [])
        edit.rewired = [output: node.inputs[inputIndex]]
        return try graph.applying(edit).removingDeadNodes()
    }
}

extension GraphIndex {
    /// Whether a value is computed from another, which is no constant.
    fileprivate func depends(_ value: ValueName, on source: ValueName) -> Bool {
        guard constant(source) == nil else { return false }
        var (open, seen) = ([value], Set<ValueName>())
        while let next = open.popLast() {
            for input in producer(of: next)?.readValues ?? [] where seen.insert(input).inserted {
                if input == source { return true }
                open.append(input)
            }
        }
        return false
    }
}
