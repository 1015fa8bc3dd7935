import WinnowGraph
import WinnowOperators
import WinnowTensor

extension Graph {
    /// The graph in which an Einsum that multiplies with one constant matrix is a MatMul, which has integer forms everywhere.
    /// The weight keeps its name, whatever axes it is brought to.
    func writingEinsumsAsProducts() throws -> Graph {
        var graph = self
        for node in nodes where node.op is Einsum {
            let weights = node.inputs.filter { graph.initializers[$0] != nil }
            guard node.inputs.count == 2, weights.count == 1, graph.infos[weights[0]]?.elementType == .float32,
                let edit = try node.op.lowering(of: node, in: GraphIndex(graph)),
                let product = edit.addedNodes.first(where: { $0.op is MatMul })?.name
            else { continue }
            let folded = try FoldConstants()(graph.applying(edit)).graph
            guard let operand = folded.node(named: product)?.inputs.first(where: { folded.initializers[$0] != nil }) else { continue }
            graph = operand == weights[0] || folded.infos[weights[0]] != nil
                ? folded : try folded.renamingValues([operand: weights[0]])
        }
        return graph
    }
}
