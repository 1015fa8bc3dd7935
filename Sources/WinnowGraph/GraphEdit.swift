package import WinnowTensor

/// A change to a graph as data: what is added, rewired, removed. Applied and verified in one place.
package struct GraphEdit: Sendable {
    /// Names of nodes that disappear.
    package var removedNodes: Set<String> = []
    package var addedNodes: [Node] = []
    /// Initializers added, or replaced where the name exists.
    package var initializers: [(name: ValueName, tensor: Tensor)] = []
    /// Readers of the key (graph outputs included) read the value instead; added nodes are not rewired.
    package var rewired: [ValueName: ValueName] = [:]
    package var addedInputs: [GraphInput] = []
    package var removedInputs: Set<ValueName> = []
    /// The graph's outputs, where they change.
    package var outputs: [ValueName]?
    /// Values written back to initializers after each training step.
    package var updates: [ValueName: ValueName] = [:]

    package init() {}

    /// Replaces a node by others; nodes that make the same output names need no rewiring.
    package init(replacing names: [String], with nodes: [Node]) {
        removedNodes = Set(names)
        addedNodes = nodes
    }

    /// Sets constants, in place where the name exists.
    package init(setting initializers: [(name: ValueName, tensor: Tensor)]) { self.initializers = initializers }
}

extension Graph {
    /// The graph with the edits made, unread initializers dropped, verified.
    package func applying(_ edits: [GraphEdit]) throws -> Graph {
        var result = self
        for edit in edits { try result.make(edit) }
        result.dropUnreadInitializers(keeping: Set(outputs))
        try result.verify()
        return result
    }

    package func applying(_ edit: GraphEdit) throws -> Graph { try applying([edit]) }

    private mutating func make(_ edit: GraphEdit) throws {
        let removed = edit.removedNodes.isEmpty ? [] : nodes.filter { edit.removedNodes.contains($0.name) }
        if !removed.isEmpty { nodes.removeAll { edit.removedNodes.contains($0.name) } }
        if !edit.rewired.isEmpty {
            for index in nodes.indices {
                for (position, input) in nodes[index].inputs.enumerated() {
                    if let other = edit.rewired[input] { nodes[index].inputs[position] = other }
                }
                nodes[index].op = try nodes[index].op.renamingCaptures(edit.rewired, in: self)
            }
            outputs = outputs.map { edit.rewired[$0] ?? $0 }
            updates = updates.mapValues { edit.rewired[$0] ?? $0 }
        }
        nodes += edit.addedNodes.map { $0.takingNotes(from: removed) }
        for (name, tensor) in edit.initializers {
            if initializers.updateValue(tensor, forKey: name) == nil { initializerNames.append(name) }
        }
        inputs.removeAll { edit.removedInputs.contains($0.name) }
        inputs += edit.addedInputs
        if let outputs = edit.outputs { self.outputs = outputs }
        updates.merge(edit.updates) { $1 }
    }

    private mutating func dropUnreadInitializers(keeping kept: Set<ValueName>) {
        let read = Set(nodes.flatMap(\.inputs)).union(outputs).union(updates.keys).union(kept)
            .union(nodes.flatMap { $0.op.capturedValues })
            .union(metadata.valueNotes.values.flatMap(\.quantization.values))
        initializerNames.removeAll { !read.contains($0) }
        initializers = initializers.filter { read.contains($0.key) }
    }

    /// The graph without nodes whose results nobody needs.
    package func removingDeadNodes() throws -> Graph {
        var needed = Set(outputs).union(updates.values)
        var dead: Set<String> = []
        for node in nodes.reversed() {
            if node.outputs.contains(where: { needed.contains($0) }) {
                needed.formUnion(node.inputs)
                needed.formUnion(node.op.capturedValues)
            } else {
                dead.insert(node.name)
            }
        }
        var edit = GraphEdit()
        edit.removedNodes = dead
        return try applying(edit)
    }

    /// The graph with other contents in the initializers named; everything else is kept.
    package func settingInitializers(_ tensors: [ValueName: Tensor]) throws -> Graph {
        try applying(GraphEdit(setting: tensors.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }))
    }

    /// A name that no value has yet, beginning with `base`.
    package func freshValueName(_ base: String) -> ValueName {
        guard infos[base] != nil else { return base }
        var number = 1
        while infos["\(base)_\(number)"] != nil { number += 1 }
        return "\(base)_\(number)"
    }
}
