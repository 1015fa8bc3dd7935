import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor

extension Graph {
    /// The graph with float32 in the place of float16 and bfloat16, weights and arithmetic alike; inputs and outputs keep their types, with
    /// Casts behind and in front of them. As it is, and why, where an operator does not take float32 instead.
    func wideningHalves() throws -> PassResult {
        let halves = initializerNames.filter { infos[$0]?.elementType.isHalf == true }
        guard !halves.isEmpty || nodes.contains(where: { $0.op.makesHalves }) else { return PassResult(graph: self) }
        do {
            let result = try widened(isBody: false, FreshNames(self)).removingNeedlessCasts()
            let findings = halves.map { name in
                let type = infos[name]?.elementType
                return Finding(name, .done, .elementSize, before: 16, after: 32, reason: "was \(type.map { "\($0)" } ?? "half")")
            }
            return PassResult(graph: result, findings: findings.isEmpty ? [Finding("graph", .done, reason: "computes in float32")] : findings)
        } catch let error as WinnowError {
            return PassResult(graph: self, findings: [Finding("graph", .skipped, reason: "half precision stays: \(error)")])
        }
    }

    /// - Parameter isBody: whether what goes in and out becomes float32 too.
    private func widened(isBody: Bool, _ names: FreshNames) throws -> Graph {
        var names = names
        func wide(_ type: ValueType) -> ValueType {
            var result = type
            if type.isTensor, type.elementType.isHalf { result.elementType = .float32 }
            return result
        }
        var (others, edges): ([ValueName: ValueName], [Node]) = ([:], [])
        if !isBody {
            for input in inputs where input.type.elementType.isHalf {
                let value = names.value("\(input.name).float32")
                others[input.name] = value
                edges.append(Node(name: names.node("\(input.name).widen"), op: Cast(to: .float32), inputs: [input.name], outputs: [value]))
            }
            for output in Set(outputs).sorted() where infos[output]?.elementType.isHalf == true && others[output] == nil {
                let (value, type) = (names.value("\(output).float32"), infos[output]?.elementType ?? .float16)
                others[output] = value
                edges.append(Node(name: names.node("\(output).narrow"), op: Cast(to: type), inputs: [value], outputs: [output]))
            }
        }
        let computed = try nodes.map { node in
            var node = node
            if !node.op.bodies.isEmpty { node.op = try node.op.changingBodies(in: self) { try $0.widened(isBody: true, FreshNames($0)) } }
            node.op = try node.op.inFloat32(self).renamingCaptures(others, in: self)
            node.inputs = node.inputs.map { others[$0] ?? $0 }
            node.outputs = node.outputs.map { others[$0] ?? $0 }
            return node
        }
        var metadata = metadata
        if isBody { metadata.outputTypes = metadata.outputTypes.mapValues(wide) }
        let constants = namedInitializers.map { name, tensor in
            (name: others[name] ?? name, tensor: tensor.elementType.isHalf ? tensor.converted(to: .float32).spilled() : tensor)
        }
        return try Graph(
            name: name, inputs: isBody ? inputs.map { GraphInput($0.name, wide($0.type), defaultValue: $0.defaultValue) } : inputs, outputs: outputs,
            nodes: computed + edges, initializers: constants, updates: updates, captures: captures.mapValues(wide), metadata: metadata)
    }

    /// The graph without Casts to the type that a value has.
    private func removingNeedlessCasts() throws -> Graph {
        var result = self
        while true {
            let edits = try result.edits { op, node, index in
                op is Cast && op.passing(of: node, in: index) == .unchanged ? GraphEdit(bypassing: node, in: index) : nil
            }
            if edits.isEmpty { return result }
            result = try result.applying(edits)
        }
    }
}

extension ElementType {
    fileprivate var isHalf: Bool { self == .float16 || self == .bfloat16 }
}

extension Operator {
    /// Attributes that name the type of a result.
    private static var typeAttributes: [String] { ["to", "dtype", "output_dtype"] }

    /// Whether it makes half precision of other types.
    fileprivate var makesHalves: Bool { widenedAttributes != nil || bodies.values.contains { $0.holdsHalves } }

    /// The same with float32 where its attributes say half precision.
    fileprivate func inFloat32(_ graph: Graph) throws -> any Operator {
        guard let attributes = widenedAttributes else { return self }
        if self is UnknownOperator { throw WinnowError(.unsupported, "\(type)", "is not known, and makes half precision") }
        return try Swift.type(of: self).reading(attributes, version: graph.metadata.version(of: type.domain))
    }

    private var widenedAttributes: Attributes? {
        var (attributes, isSame) = (attributes, true)
        for (name, value) in attributes.values {
            switch value {
            case .int(let code) where Self.typeAttributes.contains(name) && ElementType(rawValue: code)?.isHalf == true:
                attributes[name] = .int(ElementType.float32.rawValue)
            case .tensor(let tensor) where tensor.elementType.isHalf: attributes[name] = .tensor(tensor.converted(to: .float32))
            default: continue
            }
            isSame = false
        }
        return isSame ? nil : attributes
    }
}

extension Graph {
    fileprivate var holdsHalves: Bool {
        initializers.values.contains { $0.elementType.isHalf } || nodes.contains { $0.op.makesHalves }
    }
}
