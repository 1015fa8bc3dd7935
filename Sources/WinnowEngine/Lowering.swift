import WinnowTensor
package import WinnowGraph

extension Graph {
    /// The graph as plans execute it: every operator has been asked what it becomes together with its neighbours, until
    /// nothing changes. `variables` are initializers that change between runs.
    package func lowered(variables: Set<ValueName> = []) throws -> Graph {
        var graph = try removingDeadNodes()
        for _ in 0..<Self.sweepLimit {
            let edits = try graph.edits(variables: variables) { op, node, index in try op.lowering(of: node, in: index) }
            if edits.isEmpty { break }
            graph = try graph.applying(edits).removingDeadNodes()
        }
        return graph
    }

    private static var sweepLimit: Int { 64 }

    /// The edits that `rule` gives for the nodes in order, leaving out those that touch a node another edit removes.
    package func edits(
        variables: Set<ValueName> = [], rule: (any Operator, Node, GraphIndex) throws -> GraphEdit?
    ) throws -> [GraphEdit] {
        let index = GraphIndex(self, variables: variables)
        var removed: Set<String> = []
        var edits: [GraphEdit] = []
        for node in nodes where !removed.contains(node.name) {
            guard let edit = try rule(node.op, node, index), removed.isDisjoint(with: edit.removedNodes) else { continue }
            removed.formUnion(edit.removedNodes)
            edits.append(edit)
        }
        return edits
    }
}
