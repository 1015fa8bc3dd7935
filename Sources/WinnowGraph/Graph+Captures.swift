extension Graph {
    /// The graph, a body, with what is known of the values around it.
    package func knowing(_ infos: [ValueName: ValueInfo]) throws -> Graph {
        var captures = captures
        for name in captures.keys { captures[name] = infos[name]?.type ?? captures[name] }
        return try Graph(
            name: name, inputs: inputs, outputs: outputs, nodes: nodes, initializers: namedInitializers, updates: updates,
            captures: captures, metadata: metadata)
    }

    /// The graph whose bodies know the types of what they read around them, where the file says none and they follow from the rest.
    /// A body that these do not fit, as it never runs with them, stays as it is.
    package func tellingCaptures() throws -> Graph {
        var edits: [GraphEdit] = []
        for node in nodes where !node.op.bodies.isEmpty && !(node.op is UnknownOperator) {
            var (told, isSame) = (node, true)
            told.op = try node.op.changingBodies(in: self) { body in
                let unsaid = body.captures.filter { $0.value == .unknown && infos[$0.key]?.isGuess == false }
                let informed = unsaid.isEmpty ? nil : try? body.knowing(infos.filter { unsaid[$0.key] != nil })
                let inner = try (informed ?? body).tellingCaptures()
                isSame = isSame && informed == nil && inner.captureTypes == body.captureTypes
                return inner
            }
            if !isSame { edits.append(GraphEdit(replacing: [node.name], with: [told])) }
        }
        return edits.isEmpty ? self : try applying(edits)
    }

    /// The types of what it captures, and of what the bodies inside it do.
    private var captureTypes: [[ValueName: ValueType]] {
        [captures] + nodes.flatMap { $0.op.bodies.sorted { $0.key < $1.key }.flatMap(\.value.captureTypes) }
    }
}
