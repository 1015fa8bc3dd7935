import WinnowGraph
import WinnowOperators
import WinnowTensor

extension Graph {
    /// The graph in which an Einsum that multiplies with one constant matrix is a MatMul, which has integer forms everywhere,
    /// and in which weights are stored as their only reader takes them. Nodes and weights keep their names.
    func writingEinsumsAsProducts(where isWanted: (WeightSite) -> Bool) throws -> Graph {
        var graph = self
        for site in weightSites where site.node.op is Einsum && site.operand == site.tensor && isWanted(site) {
            let node = site.node
            guard node.inputs.count == 2, graph.initializers[node.inputs[1 - site.inputIndex]] == nil,
                graph.infos[site.tensor]?.elementType == .float32,
                var edit = try node.op.lowering(of: node, in: GraphIndex(graph)),
                let product = edit.addedNodes.firstIndex(where: { $0.op is MatMul })
            else { continue }
            for index in edit.addedNodes.indices where edit.addedNodes[index].name == node.name {
                edit.addedNodes[index].name += ".result"
            }
            edit.addedNodes[product].name = node.name
            graph = try graph.applying(edit)
        }
        return try graph.storingWeightsAsRead(where: isWanted)
    }
}
