package import WinnowGraph
package import WinnowTensor

extension Graph {
    /// The graph with float32 in the place of these floating-point types, weights and arithmetic alike, in bodies too. Inputs keep their types,
    /// with Casts behind them. Throws where an operator does not take float32 instead.
    ///
    /// - Parameter keepingOutputTypes: whether outputs keep theirs, with Casts in front of them.
    package func inFloat32(from types: Set<ElementType>, keepingOutputTypes: Bool) throws -> Graph {
        try inFloat32(types, isBody: false, keepsOutputs: keepingOutputTypes, FreshNames(self))
    }

    /// Whether values are of these types, in bodies too, other than inputs and outputs behind and in front of which Casts stand.
    package func holds(_ types: Set<ElementType>) -> Bool {
        let (index, captured, given) = (GraphIndex(self), Set(nodes.flatMap { $0.op.capturedValues }), Set(inputNames))
        let isHeld = infos.contains { name, info in
            guard types.contains(info.elementType) else { return false }
            if captured.contains(name) { return true }
            let readers = index.consumers(of: name)
            if given.contains(name) { return !readers.allSatisfy { $0.op is Cast } }
            return !outputs.contains(name) || !(index.producer(of: name)?.op is Cast) || !readers.isEmpty
        }
        return isHeld || nodes.contains { $0.op.bodies.values.contains { $0.holds(types) } }
    }

    /// - Parameter isBody: whether what goes in and out becomes float32 too.
    private func inFloat32(_ types: Set<ElementType>, isBody: Bool, keepsOutputs: Bool, _ names: FreshNames) throws -> Graph {
        var names = names
        func wide(_ type: ValueType) -> ValueType {
            var result = type
            if type.isTensor, types.contains(type.elementType) { result.elementType = .float32 }
            return result
        }
        var (others, edges): ([ValueName: ValueName], [Node]) = ([:], [])
        if !isBody {
            for input in inputs where types.contains(input.type.elementType) {
                let value = names.value("\(input.name).float32")
                others[input.name] = value
                edges.append(Node(name: names.node("\(input.name).widen"), op: Cast(to: .float32), inputs: [input.name], outputs: [value]))
            }
            for output in Set(outputs).sorted() where keepsOutputs && others[output] == nil {
                guard let type = infos[output]?.elementType, types.contains(type) else { continue }
                let value = names.value("\(output).float32")
                others[output] = value
                edges.append(Node(name: names.node("\(output).narrow"), op: Cast(to: type), inputs: [value], outputs: [output]))
            }
        }
        try checkLists(of: types)
        let computed = try nodes.map { node in
            var node = node
            if node.op is UnknownOperator { try checkUnknown(node, types) }
            if !node.op.bodies.isEmpty {
                node.op = try node.op.changingBodies(in: self) { try $0.inFloat32(types, isBody: true, keepsOutputs: false, FreshNames($0)) }
            }
            node.op = try node.op.inFloat32(types, self).renamingCaptures(others, in: self)
            node.inputs = node.inputs.map { others[$0] ?? $0 }
            node.outputs = node.outputs.map { others[$0] ?? $0 }
            return node
        }
        var metadata = metadata
        if !keepsOutputs { metadata.outputTypes = metadata.outputTypes.mapValues(wide) }
        let constants = namedInitializers.map { name, tensor in
            (name: others[name] ?? name, tensor: types.contains(tensor.elementType) ? tensor.converted(to: .float32).spilled() : tensor)
        }
        return try Graph(
            name: name, inputs: isBody ? inputs.map { GraphInput($0.name, wide($0.type), defaultValue: $0.defaultValue) } : inputs, outputs: outputs,
            nodes: computed + edges, initializers: constants, updates: updates, captures: captures.mapValues(wide), metadata: metadata)
    }

    /// Throws `.unsupported` where a value is a list or an optional of these types.
    private func checkLists(of types: Set<ElementType>) throws {
        for name in inputNames + nodes.flatMap(\.outputs) {
            guard let type = infos[name]?.type, types.contains(type.elementType), !type.isTensor else { continue }
            throw WinnowError(.unsupported, name, "is \(type), and only tensors become float32")
        }
    }

    /// Throws `.unsupported` where a node whose operator nobody knows reads or gives such types, or may give them: whether it takes float32
    /// instead is not known either.
    private func checkUnknown(_ node: Node, _ types: Set<ElementType>) throws {
        func refusal(_ words: String) -> WinnowError {
            WinnowError(.unsupported, "node \(node.name)", "\(words), and operator \(node.op.type) is not known")
        }
        for value in node.readValues {
            if let type = infos[value]?.elementType, types.contains(type) { throw refusal("reads \(value), which is \(type)") }
        }
        for value in node.outputs where !value.isEmpty {
            let own = infos[value].flatMap { $0.isGuess ? nil : $0.type }
            guard let type = own ?? metadata.outputTypes[value] else { throw refusal("gives \(value), whose type the file does not say") }
            if types.contains(type.elementType) { throw refusal("gives \(value), which is \(type.elementType)") }
        }
        for (name, body) in node.op.bodies where body.holds(types) || body.infos.values.contains(where: { types.contains($0.elementType) }) {
            throw refusal("computes with such types in \(name)")
        }
    }
}

extension Operator {
    /// The same with float32 where its attributes say one of these types.
    fileprivate func inFloat32(_ types: Set<ElementType>, _ graph: Graph) throws -> any Operator {
        guard let attributes = widenedAttributes(types) else { return self }
        if self is UnknownOperator { throw WinnowError(.unsupported, "\(type)", "is not known, and has an attribute of another type than float32") }
        return try Swift.type(of: self).reading(attributes, version: graph.metadata.version(of: type.domain))
    }

    private func widenedAttributes(_ types: Set<ElementType>) -> Attributes? {
        var (attributes, isSame) = (attributes, true)
        for (name, value) in attributes.values {
            switch value {
            case .int(let code) where Self.typeAttributes.contains(name) && ElementType(rawValue: code).map(types.contains) == true:
                attributes[name] = .int(ElementType.float32.rawValue)
            case .tensor(let tensor) where types.contains(tensor.elementType): attributes[name] = .tensor(tensor.converted(to: .float32))
            default: continue
            }
            isSame = false
        }
        return isSame ? nil : attributes
    }
}
