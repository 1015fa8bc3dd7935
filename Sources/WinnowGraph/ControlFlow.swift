package import WinnowTensor

/// An operator that runs graphs of its own as often as the contents of its inputs say: If, Loop, Scan.
package protocol ControlFlowOperator: InterpretedOperator {
    /// What comes out where so much is known of the values around, which its bodies capture.
    func outputs(for inputs: [ValueInfo?], around: [ValueName: ValueInfo]) throws -> [ValueInfo]
}

extension ControlFlowOperator {
    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { try outputs(for: inputs, around: [:]) }

    package var attributes: Attributes { Attributes(bodies.mapValues { .graph($0) }) }
}

extension Operator {
    /// Values of the surrounding graph that control-flow bodies read.
    package var capturedValues: [ValueName] { bodies.values.flatMap { $0.captures.keys }.sorted() }

    /// The operator whose bodies read other values of the graph around: the key becomes the value.
    package func renamingCaptures(_ names: [ValueName: ValueName], in graph: Graph) throws -> any Operator {
        guard bodies.values.contains(where: { body in body.captures.keys.contains { names[$0] != nil } }) else { return self }
        return try changingBodies(in: graph) { body in
            let changed = body.captures.keys.reduce(into: [:]) { changed, name in changed[name] = names[name] }
            // A name the body has itself makes room first.
            var moved: [ValueName: ValueName] = [:]
            for name in changed.values where body.infos[name] != nil && body.captures[name] == nil {
                moved[name] = body.freshValueName("\(name)_inner")
            }
            return try body.renamingValues(moved).renamingValues(changed)
        }
    }

    /// The operator of a node in `graph` with its bodies changed.
    package func changingBodies(in graph: Graph, _ change: (Graph) throws -> Graph) throws -> any Operator {
        var attributes = attributes
        for (name, value) in attributes.values.sorted(by: { $0.key < $1.key }) {
            switch value {
            case .graph(let body): attributes[name] = .graph(try change(body))
            case .graphs(let bodies): attributes[name] = .graphs(try bodies.map(change))
            default: continue
            }
        }
        if let unknown = self as? UnknownOperator { return unknown.with(attributes) }
        return try Swift.type(of: self).init(
            attributes: attributes, version: graph.metadata.version(of: type.domain))
    }
}

extension Graph {
    /// Values by other names, in bodies of bodies too.
    package func renamingValues(_ names: [ValueName: ValueName]) throws -> Graph {
        guard !names.isEmpty else { return self }
        func renamed(_ name: ValueName) -> ValueName { names[name] ?? name }
        var metadata = metadata
        metadata.outputTypes = Dictionary(
            metadata.outputTypes.map { (renamed($0.key), $0.value) }, uniquingKeysWith: { first, _ in first })
        metadata.declaredValues = Set(metadata.declaredValues.map(renamed))
        metadata.valueNotes = Dictionary(
            metadata.valueNotes.map { (renamed($0.key), $0.value.renaming(renamed)) }, uniquingKeysWith: { first, _ in first })
        return try Graph(
            name: name, inputs: inputs.map { GraphInput(renamed($0.name), $0.type, defaultValue: $0.defaultValue) }, outputs: outputs.map(renamed),
            nodes: nodes.map { node in
                Node(
                    name: node.name, op: try node.op.renamingCaptures(names, in: self), inputs: node.inputs.map(renamed),
                    outputs: node.outputs.map(renamed), notes: node.notes)
            }, initializers: namedInitializers.map { (renamed($0.name), $0.tensor) },
            updates: Dictionary(
                updates.map { (renamed($0.key), renamed($0.value)) }, uniquingKeysWith: { first, _ in first }),
            captures: Dictionary(
                captures.sorted { $0.key < $1.key }.map { (renamed($0.key), $0.value) },
                uniquingKeysWith: { $0 == .unknown ? $1 : $0 }), metadata: metadata)
    }

    /// The same graph taking inputs of these types; what a body captures becomes an input where it is listed.
    package func taking(_ types: [ValueName: ValueType]) throws -> Graph {
        let captured = captures.keys.sorted().compactMap { name in types[name].map { GraphInput(name, $0) } }
        return try Graph(
            name: name,
            inputs: inputs.map { GraphInput($0.name, types[$0.name] ?? $0.type, defaultValue: $0.defaultValue) } + captured,
            outputs: outputs,
            nodes: nodes, initializers: namedInitializers, updates: updates,
            captures: captures.filter { types[$0.key] == nil }, metadata: metadata)
    }

    /// The same graph with those of these constants that it captures among its initializers.
    package func holding(_ constants: [ValueName: Tensor]) throws -> Graph {
        let held = captures.keys.sorted().compactMap { name in constants[name].map { (name: name, tensor: $0) } }
        guard !held.isEmpty else { return self }
        return try Graph(
            name: name, inputs: inputs, outputs: outputs, nodes: nodes, initializers: namedInitializers + held, updates: updates,
            captures: captures.filter { constants[$0.key] == nil }, metadata: metadata)
    }

    /// The same graph, a body, that reads those of its initializers around it which have a type here.
    package func capturing(_ types: [ValueName: ValueType]) throws -> Graph {
        let own = types.filter { initializers[$0.key] != nil }
        guard !own.isEmpty else { return self }
        return try Graph(
            name: name, inputs: inputs, outputs: outputs, nodes: nodes, initializers: namedInitializers.filter { own[$0.name] == nil },
            updates: updates, captures: captures.merging(own) { $1 }, metadata: metadata)
    }

    /// The initializers in the file's order.
    package var namedInitializers: [(name: ValueName, tensor: Tensor)] {
        initializerNames.compactMap { name in initializers[name].map { (name, $0) } }
    }
}
