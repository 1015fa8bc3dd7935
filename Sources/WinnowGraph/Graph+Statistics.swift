import WinnowTensor

extension Graph {
    /// The graph in which numbers that training gathers serve nothing else: optimizers of files store equal vectors once, say a mean of
    /// zeros and a shift. Nodes with the same constants behind nodes with the same constants stay together: they are one layer, met twice;
    /// where no weight before tells, and one tensor serves a node twice, they are equal by chance.
    package func separatingStatistics() throws -> Graph {
        struct Use: Hashable {
            var place: Int
            var layer: [String]
        }
        let index = GraphIndex(self)
        func layer(_ node: Node) -> [String] {
            let before = index.producer(of: node.input(0))?.inputs.filter { (initializers[$0]?.rank ?? 0) > 1 } ?? []
            let own = node.inputs.dropFirst()
            return before.isEmpty && Set(own).count < own.count ? [node.name] : before + own
        }
        var names = FreshNames(self)
        var changed: [String: Node] = [:]
        var edit = GraphEdit()
        for name in initializerNames {
            let uses = index.consumers(of: name).flatMap { node in
                node.inputs.indices.filter { node.inputs[$0] == name }.map { (node: node, use: Use(place: $0, layer: layer(node))) }
            }
            let gathered = uses.filter { $0.node.op.inputRoles[$0.use.place] == .statistic }
            var own: [Use: ValueName] = [:]
            // One use may keep the tensor, if all gather.
            if let first = gathered.first, gathered.count == uses.count, !index.isOutput(name) { own[first.use] = name }
            for (node, use) in gathered {
                if own[use] == nil, let tensor = initializers[name] {
                    let copy = names.value("\(node.name).\(name)")
                    own[use] = copy
                    edit.initializers.append((copy, tensor))
                }
                changed[node.name, default: node].inputs[use.place] = own[use] ?? name
            }
        }
        guard !edit.initializers.isEmpty else { return self }
        let nodes = changed.values.sorted { $0.name < $1.name }
        edit.removedNodes = Set(nodes.map(\.name))
        edit.addedNodes = nodes
        return try applying(edit)
    }
}
