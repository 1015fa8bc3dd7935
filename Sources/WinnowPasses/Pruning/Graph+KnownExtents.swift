import WinnowGraph
import WinnowTensor

extension Graph {
    /// The graph with numbers in place of shape arithmetic whose result is known whatever the inputs' open extents are.
    ///
    /// An exporter that computes the width of a head from the width of its input ties axes together that have nothing to do with
    /// each other, and √width must not change with what is removed.
    func settlingKnownExtents() throws -> Graph {
        var edit = GraphEdit()
        // What constants alone make is no arithmetic on shapes: a weight's DequantizeLinear.
        let constantNodes = Parameters(self).constantNodes
        for node in nodes where !constantNodes.contains(node.name) && !node.inputs.isEmpty && node.op.bodies.isEmpty {
            let results = node.outputs.compactMap { infos[$0]?.constant }
            guard results.count == node.outputs.count, results.allSatisfy({ $0.elementCount <= 1024 }) else { continue }
            edit.removedNodes.insert(node.name)
            edit.initializers += zip(node.outputs, results).map { ($0, $1) }
        }
        guard !edit.removedNodes.isEmpty else { return self }
        let settled = try applying(edit)
        let unneeded = try settled.deadNodes().subtracting(deadNodes())
        return unneeded.isEmpty ? settled : try settled.applying(GraphEdit(replacing: unneeded.sorted(), with: []))
    }

    private func deadNodes() throws -> Set<String> { Set(nodes.map(\.name)).subtracting(try removingDeadNodes().nodes.map(\.name)) }
}
