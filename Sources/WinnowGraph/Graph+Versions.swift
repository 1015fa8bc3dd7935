package import WinnowTensor

extension Graph {
    /// The operator-set version of each domain that all nodes, those of bodies included, need together; never below what
    /// the metadata says.
    package var neededVersions: [String: Int] {
        var versions = metadata.opsets
        if let alias = versions.removeValue(forKey: "ai.onnx") { versions[""] = max(alias, versions[""] ?? 0) }
        addNeededVersions(to: &versions)
        return versions
    }

    private func addNeededVersions(to versions: inout [String: Int]) {
        for node in nodes {
            let domain = node.op.type.domain
            versions[domain] = max(versions[domain] ?? metadata.version(of: domain), node.op.minimumVersion(of: node))
            for body in node.op.bodies.values { body.addNeededVersions(to: &versions) }
        }
    }

    /// The graph with those nodes rewritten whose form ends below the operator-set version that other nodes need.
    package func agreeingOnVersions() throws -> Graph {
        var graph = self
        var outdated = graph.outdatedNodes(at: graph.neededVersions)
        // A new form may itself raise the version, but not without end.
        for _ in 0..<4 where !outdated.isEmpty {
            graph = try graph.modernizing(outdated, at: graph.neededVersions)
            outdated = graph.outdatedNodes(at: graph.neededVersions)
        }
        if let node = outdated.first { throw Self.stuck(node) }
        return graph
    }

    /// The graph with these nodes, or what is outdated in their bodies, in the form that the versions ask for.
    private func modernizing(_ nodes: [Node], at versions: [String: Int]) throws -> Graph {
        let index = GraphIndex(self)
        return try applying(
            nodes.map { node in
                if node.op.maximumVersion < versions[node.op.type.domain] ?? 0 {
                    guard let edit = try node.op.modernForm(of: node, in: index) else { throw Self.stuck(node) }
                    return edit
                }
                var changed = node
                changed.op = try node.op.changingBodies(in: self) { body in
                    let modern = try body.modernizing(body.outdatedNodes(at: versions), at: versions)
                    // Graphs around it may have the same node names, from which new values are named.
                    let added = modern.infos.keys.filter { body.infos[$0] == nil }
                    return try modern.renamingValues(
                        Dictionary(uniqueKeysWithValues: added.map { ($0, freshValueName("\(node.name).\($0)")) }))
                }
                return GraphEdit(replacing: [node.name], with: [changed])
            })
    }

    private func outdatedNodes(at versions: [String: Int]) -> [Node] {
        nodes.filter { node in
            node.op.maximumVersion < versions[node.op.type.domain] ?? 0
                || node.op.bodies.values.contains { !$0.outdatedNodes(at: versions).isEmpty }
        }
    }

    private static func stuck(_ node: Node) -> WinnowError {
        WinnowError(
            .unsupported, "node \(node.name) (\(node.op.type))",
            "is written in an old operator set's way that the operator set other nodes need no longer has",
            remedy: "export the model with a newer opset")
    }
}

extension GraphIndex {
    /// The node with another operator and with constants as further inputs: how attributes become inputs. A nil tensor omits
    /// the input.
    package func edit(
        replacing node: Node, with op: any Operator, inputs: [(name: String, tensor: Tensor?)]
    ) -> GraphEdit {
        var edit = GraphEdit(replacing: [node.name], with: [])
        var new = Node(name: node.name, op: op, inputs: Array(node.inputs.prefix(1)), outputs: node.outputs)
        for (name, tensor) in inputs {
            guard let tensor else { new.inputs.append(""); continue }
            let value = graph.freshValueName("\(node.name).\(name)")
            edit.initializers.append((value, tensor))
            new.inputs.append(value)
        }
        new.inputs = new.inputs.withoutMissingEnd
        edit.addedNodes = [new]
        return edit
    }
}
