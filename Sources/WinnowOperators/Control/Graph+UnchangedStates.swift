package import WinnowGraph
import WinnowTensor

extension Graph {
    /// The graph whose Loops and Scans read around them what they are given as a state and hand on as it is, as TensorFlow's exporter writes
    /// the weights of recurrent layers: nothing is copied from run to run, and weights are seen to be some.
    package func capturingUnchangedStates() throws -> Graph { try withStatesCaptured()?.tellingCaptures() ?? self }

    /// nil where nothing changes.
    private func withStatesCaptured() throws -> Graph? {
        var edits: [GraphEdit] = []
        // What states are after the nodes so far.
        var values: [ValueName: ValueName] = [:]
        for node in nodes where !node.op.bodies.isEmpty {
            var (own, isSame) = (node, true)
            own.inputs = node.inputs.map { values[$0] ?? $0 }
            own.op = try node.op.renamingCaptures(values, in: self).changingBodies(in: self) { body in
                guard let changed = try body.withStatesCaptured() else { return body }
                isSame = false
                return changed
            }
            // A body that what it would read does not fit stays as it is: it never runs.
            if let edit = try? capturingStates(of: own) {
                values.merge(edit.rewired) { $1 }
                edits.append(edit)
            } else if !isSame {
                edits.append(GraphEdit(replacing: [node.name], with: [own]))
            }
        }
        return edits.isEmpty ? nil : try applying(edits)
    }

    /// nil where the node has no state that stays as it is.
    private func capturingStates(of node: Node) throws -> GraphEdit? {
        guard let op = node.op as? any RepeatingOperator, node.inputs.count == op.body.inputs.count else { return nil }
        let index = GraphIndex(op.body)
        var states = op.states.enumerated().compactMap { place, state -> UnchangedState? in
            let inner = op.body.inputs[state.input]
            guard index.unchanged(op.body.outputs[state.output]) == inner.name, let value = node.input(state.input),
                let type = infos[value]?.type(asRead: inner.type)
            else { return nil }
            return UnchangedState(place: place, input: state.input, output: state.output, name: inner.name, value: value, type: type)
        }
        // A Loop has had a state at least before.
        if metadata.version(of: "") < 11, node.op is Loop, states.count == op.states.count { states.removeLast() }
        guard !states.isEmpty else { return nil }
        let names = Dictionary(states.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        var (edit, changed) = (GraphEdit(replacing: [node.name], with: []), node)
        changed.op = try node.op.changingBodies(in: self) { try $0.capturing(states, avoiding: Set(infos.keys)) }.renamingCaptures(names, in: self)
        changed.inputs = node.inputs.indices.filter { place in !states.contains { $0.input == place } }.map { node.inputs[$0] }
        changed.outputs = node.outputs.indices.filter { place in !states.contains { $0.place == place } }.map { node.outputs[$0] }
        if changed.outputs.contains(where: { !$0.isEmpty }) { edit.addedNodes.append(changed) }
        var fresh = FreshNames(self)
        for state in states {
            guard let result = node.output(state.place) else { continue }
            if outputs.contains(result) {
                let name = fresh.node("\(node.name).state.\(state.place)")
                edit.addedNodes.append(Node(name: name, op: Identity(), inputs: [state.value], outputs: [result]))
            } else {
                edit.rewired[result] = state.value
            }
        }
        return edit
    }

    /// The body, which captures these states by its own names for them.
    fileprivate func capturing(_ states: [UnchangedState], avoiding taken: Set<ValueName>) throws -> Graph {
        let (read, given) = (Set(states.map(\.input)), Set(states.map(\.output)))
        var (nodes, metadata, fresh) = (nodes, metadata, FreshNames(self, avoiding: taken))
        // What a body gives it makes itself.
        let results = outputs.indices.filter { !given.contains($0) }.map { place -> ValueName in
            guard let state = states.first(where: { $0.name == outputs[place] }) else { return outputs[place] }
            let copy = fresh.value("\(state.name)_given")
            nodes.append(Node(name: fresh.node("\(state.name)_given"), op: Identity(), inputs: [state.name], outputs: [copy]))
            metadata.outputTypes[copy] = metadata.outputTypes[state.name]
            return copy
        }
        var captures = captures
        for state in states {
            captures[state.name] = state.type
            if captures[state.value] != nil { captures[state.value] = state.type }
            (metadata.valueNotes[state.name], metadata.outputTypes[state.name]) = (nil, nil)
        }
        func graph(_ nodes: [Node], _ captures: [ValueName: ValueType]) throws -> Graph {
            try Graph(
                name: name, inputs: inputs.indices.filter { !read.contains($0) }.map { inputs[$0] }, outputs: results, nodes: nodes,
                initializers: namedInitializers, updates: updates, captures: captures, metadata: metadata)
        }
        let live = try graph(nodes, captures).removingDeadNodes()
        let needed = Set(live.nodes.flatMap(\.readValues)).union(results)
        return try graph(live.nodes, captures.filter { needed.contains($0.key) })
    }
}

/// A state that leaves a body as it came.
private struct UnchangedState {
    /// Among the outputs of the node.
    var place: Int
    /// Among the body's inputs, and those of the node.
    var input: Int
    /// Among the body's outputs.
    var output: Int
    /// What the body calls it.
    var name: ValueName
    /// What it is in the graph around.
    var value: ValueName
    var type: ValueType
}

extension GraphIndex {
    /// The value that this one is without change.
    fileprivate func unchanged(_ value: ValueName) -> ValueName {
        var value = value
        while let node = producer(of: value), node.output(0) == value, node.op.passing(of: node, in: self) == .unchanged,
            let source = node.input(0)
        { value = source }
        return value
    }
}

extension ValueInfo {
    /// The type of a value that a body takes as `declared` and would read itself; nil where it is no tensor, or none of that type.
    fileprivate func type(asRead declared: ValueType) -> ValueType? {
        guard type.isTensor, declared.isTensor else { return nil }
        if isGuess || declared == .unknown { return isGuess ? declared : type }
        return declared.accepts(type) ? extents == nil ? declared : type : nil
    }
}
