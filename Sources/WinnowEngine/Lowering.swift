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
        let edits = try graph.edits(variables: variables) { op, node, index in try op.packing(of: node, in: index) }
        return edits.isEmpty ? graph : try graph.applying(edits).removingDeadNodes()
    }

    private static var sweepLimit: Int { 64 }

    /// The edits that `rule` gives for the nodes in order, leaving out those that touch a node another edit removes or read
    /// a value another edit rewires.
    package func edits(
        variables: Set<ValueName> = [], rule: (any Operator, Node, GraphIndex) throws -> GraphEdit?
    ) throws -> [GraphEdit] {
        let index = GraphIndex(self, variables: variables)
        var removed: Set<String> = []
        var rewired: Set<ValueName> = []
        var edits: [GraphEdit] = []
        for node in nodes where !removed.contains(node.name) {
            guard let edit = try rule(node.op, node, index), removed.isDisjoint(with: edit.removedNodes),
                rewired.isDisjoint(with: edit.readValues)
            else { continue }
            removed.formUnion(edit.removedNodes)
            rewired.formUnion(edit.rewired.keys)
            edits.append(edit)
        }
        return edits
    }
}

extension GraphEdit {
    /// The values that must still be there when the edit is made.
    fileprivate var readValues: Set<ValueName> { Set(addedNodes.flatMap(\.inputs)).union(rewired.values) }
}
