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
    /// The types of inputs of which more is known than before.
    package var inputTypes: [ValueName: ValueType] = [:]
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

    /// Puts one node in the place of a node and the reader of its output.
    package init(replacing node: Node, and reader: Node, by op: any Operator, _ inputs: [ValueName]) {
        self.init(
            replacing: [node.name, reader.name],
            with: [Node(name: node.name, op: op, inputs: inputs, outputs: Array(reader.outputs.prefix(1)))])
    }

    /// Sets constants, in place where the name exists.
    package init(setting initializers: [(name: ValueName, tensor: Tensor)]) { self.initializers = initializers }
}

extension Graph {
    /// The graph with the edits made one after the other, unread initializers dropped, verified.
    package func applying(_ edits: [GraphEdit]) throws -> Graph {
        var result = self
        try result.make(edits)
        result.dropUnreadInitializers(keeping: Set(outputs))
        try result.verify()
        return result
    }

    package func applying(_ edit: GraphEdit) throws -> Graph { try applying([edit]) }

    /// Each edit sees what those before it left; all are made in one walk over the graph, from the last edit to the first.
    private mutating func make(_ edits: [GraphEdit]) throws {
        var removed: Set<String> = []
        // What a reader of a value reads after the edits walked through so far.
        var names: [ValueName: ValueName] = [:]
        var added: [[Node]] = []
        var outputs: [ValueName]?
        var updates: [[ValueName: ValueName]] = []
        for (edit, nodes) in zip(edits, addedNodes(of: edits)).reversed() {
            added.append(try rewired(nodes.filter { !removed.contains($0.name) }, names))
            updates.append(edit.updates.mapValues { names[$0] ?? $0 })
            outputs = outputs ?? edit.outputs?.map { names[$0] ?? $0 }
            removed.formUnion(edit.removedNodes)
            for (name, other) in edit.rewired.mapValues({ names[$0] ?? $0 }) { names[name] = other }
        }
        if !removed.isEmpty { nodes.removeAll { removed.contains($0.name) } }
        nodes = try rewired(nodes, names) + added.reversed().joined()
        self.outputs = outputs ?? self.outputs.map { names[$0] ?? $0 }
        self.updates = self.updates.mapValues { names[$0] ?? $0 }
        for update in updates.reversed() { self.updates.merge(update) { $1 } }
        for edit in edits { makeInputs(edit) }
    }

    /// What each edit adds; a node takes the notes of the one that it replaces: of its name among those removed.
    private func addedNodes(of edits: [GraphEdit]) -> [[Node]] {
        var notes: [String: Notes] = [:]
        for node in nodes where !node.notes.isEmpty { notes[node.name] = node.notes }
        return edits.map { edit in
            edit.addedNodes.map { node in
                var node = node
                if node.notes.isEmpty, edit.removedNodes.contains(node.name) { node.notes = notes[node.name] ?? node.notes }
                notes[node.name] = node.notes
                return node
            }
        }
    }

    private mutating func makeInputs(_ edit: GraphEdit) {
        for (name, tensor) in edit.initializers {
            if initializers.updateValue(tensor, forKey: name) == nil { initializerNames.append(name) }
        }
        if !edit.removedInputs.isEmpty { inputs.removeAll { edit.removedInputs.contains($0.name) } }
        inputs += edit.addedInputs
        for index in inputs.indices { inputs[index].type = edit.inputTypes[inputs[index].name] ?? inputs[index].type }
    }

    /// Nodes that read other values, in their bodies too: the key becomes the value.
    private func rewired(_ nodes: [Node], _ names: [ValueName: ValueName]) throws -> [Node] {
        guard !names.isEmpty else { return nodes }
        return try nodes.map { node in
            var node = node
            for (position, input) in node.inputs.enumerated() {
                if let other = names[input] { node.inputs[position] = other }
            }
            node.op = try node.op.renamingCaptures(names, in: self)
            return node
        }
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
        let readsAll = initializerNames.allSatisfy { needed.contains($0) || updates[$0] != nil }
        guard !dead.isEmpty || !readsAll else { return self }
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
