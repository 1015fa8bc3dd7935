import WinnowGraph
import WinnowOperators

extension Graph {
    /// The graph with every BatchNormalization that its file has in training as it is at inference, by the running statistics; what
    /// reads those of batches stays.
    func takingRunningStatistics() throws -> Graph {
        let index = GraphIndex(self)
        let nodes = nodes.compactMap { node -> Node? in
            guard var op = node.op as? BatchNormalization, op.isMarkedTraining,
                node.outputs.dropFirst().allSatisfy({ $0.isEmpty || index.consumers(of: $0).isEmpty && !index.isOutput($0) })
            else { return nil }
            op.isMarkedTraining = false
            return Node(name: node.name, op: op, inputs: node.inputs, outputs: Array(node.outputs.prefix(1)), notes: node.notes)
        }
        return nodes.isEmpty ? self : try applying(GraphEdit(replacing: nodes.map(\.name), with: nodes))
    }
}
