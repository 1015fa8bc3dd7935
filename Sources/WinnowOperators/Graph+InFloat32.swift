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

    /// Whether initializers, or what operators make by their attributes, are of these types.
    package func holds(_ types: Set<ElementType>) -> Bool {
        initializers.values.contains { types.contains($0.elementType) } || nodes.contains { $0.op.makes(types) }
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
        let computed = try nodes.map { node in
            var node = node
            if !node.op.bodies.isEmpty { node.op = try node.op.changingBodies(in: self) { try $0.inFloat32(types, isBody: true, keepsOutputs: false, FreshNames($0)) } }
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
}

extension Operator {
    /// Attributes that name the type of a result.
    private static var typeAttributes: [String] { ["to", "dtype", "output_dtype"] }

    /// Whether it makes such types of others.
    fileprivate func makes(_ types: Set<ElementType>) -> Bool { widenedAttributes(types) != nil || bodies.values.contains { $0.holds(types) } }

    /// The same with float32 where its attributes say one of these types.
    fileprivate func inFloat32(_ types: Set<ElementType>, _ graph: Graph) throws -> any Operator {
        guard let attributes = widenedAttributes(types) else { return self }
        if self is UnknownOperator { throw WinnowError(.unsupported, "\(type)", "is not known, and makes another type than float32") }
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
