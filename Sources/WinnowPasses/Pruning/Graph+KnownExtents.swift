import WinnowGraph
import WinnowOperators
import WinnowTensor

extension Graph {
    /// The graph with numbers in place of shape arithmetic whose result is known whatever the inputs' open extents are.
    ///
    /// An exporter that computes the width of a head from the width of its input ties axes together that have nothing to do with
    /// each other, and √width must not change with what is removed. Where one number of a Reshape is left to compute, a product of
    /// channels and samples, say, Reshape finds it itself.
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
        let edits = [edit, openingReshapes()].filter { !$0.removedNodes.isEmpty }
        guard !edits.isEmpty else { return self }
        let settled = try applying(edits)
        let unneeded = try settled.deadNodes().subtracting(deadNodes())
        return unneeded.isEmpty ? settled : try settled.applying(GraphEdit(replacing: unneeded.sorted(), with: []))
    }

    /// An edit that writes −1 for the only computed number of a Reshape that is no extent of its input.
    private func openingReshapes() -> GraphEdit {
        var (edit, names) = (GraphEdit(), FreshNames(self))
        for node in nodes {
            guard let reshape = node.op as? Reshape, let list = node.input(1), let elements = infos[list]?.elementExtents,
                let data = infos[node.inputs[0]], let extents = data.extents, let known = node.output(0).flatMap({ infos[$0]?.extents })
            else { continue }
            let computed = elements.filter { $0.value == nil }
            guard computed.count == 1, !extents.contains(computed[0]), !elements.contains(-1),
                !(reshape.allowsZero && elements.contains(0))
            else { continue }
            let target = Tensor(elements.map { Int64($0.value ?? -1) })
            // Nothing that is known may be lost.
            guard let open = try? reshape.outputs(for: [data, ValueInfo(constant: target)])[0].extents,
                zip(open, known).allSatisfy({ $1 == .unknown || $0 == $1 })
            else { continue }
            let name = names.value("\(node.name).target")
            edit.initializers.append((name, target))
            edit.removedNodes.insert(node.name)
            edit.addedNodes.append(Node(name: node.name, op: reshape, inputs: [node.inputs[0], name], outputs: node.outputs))
        }
        return edit
    }

    private func deadNodes() throws -> Set<String> { Set(nodes.map(\.name)).subtracting(try removingDeadNodes().nodes.map(\.name)) }
}
