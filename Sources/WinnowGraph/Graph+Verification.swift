package import WinnowTensor

extension Graph {
    /// Sorts the nodes topologically (keeping the given order where it is one), checks that every value has one source and
    /// infers all types. Throws `.model` naming the node.
    mutating func verify() throws {
        try sortNodes()
        try checkNames()
        infos = try inferInfos()
        for output in outputs where infos[output] == nil {
            throw WinnowError(.model, "output \(output)", "is computed by no node")
        }
    }

    /// What is known of every value when the inputs have these types; inputs left out keep their declared types. Extents that
    /// nobody knows are told from each other by where they come from, so that they are followed like those with names.
    ///
    /// - Parameter around: what is known of the values that this graph, a body, captures.
    package func inferInfos(
        inputTypes: [ValueName: ValueType] = [:], variables: Set<ValueName> = [], around: [ValueName: ValueInfo] = [:]
    ) throws -> [ValueName: ValueInfo] {
        var infos: [ValueName: ValueInfo] = [:]
        infos.reserveCapacity(nodes.count + initializers.count + inputs.count)
        for (name, type) in captures { infos[name] = around[name] ?? ValueInfo(declared: type).tellingExtents(of: name) }
        for input in inputs {
            let info = ValueInfo(declared: inputTypes[input.name] ?? input.type)
            do { try info.checkExtents() } catch let error as WinnowError { throw error.within("input \(input.name)") }
            infos[input.name] = info.tellingExtents(of: input.name)
        }
        for (name, tensor) in initializers {
            infos[name] = variables.contains(name)
                ? ValueInfo(ValueType(tensor.elementType, tensor.shape)) : ValueInfo(constant: tensor)
        }
        for node in nodes {
            let inputs = node.inputs.map { $0.isEmpty ? nil : infos[$0] }
            let results = try inferOutputs(of: node, inputs, around: infos)
            for (name, info) in zip(node.outputs, results) where !name.isEmpty { infos[name] = info.tellingExtents(of: name) }
            for name in node.outputs.dropFirst(results.count) where !name.isEmpty { infos[name] = .unknown }
        }
        // What is computed of texts nobody but the file knows to be texts.
        for output in outputs where infos[output]?.isGuess == true {
            if let declared = metadata.outputTypes[output], declared.foreign != nil { infos[output] = ValueInfo(declared) }
        }
        return infos
    }

    /// The types of the inputs that have these shapes.
    package func inputTypes(of shapes: [ValueName: Shape]) -> [ValueName: ValueType] {
        inputs.reduce(into: [:]) { types, input in types[input.name] = shapes[input.name].map { ValueType(input.type.elementType, $0) } }
    }

    /// What is known of every value when the inputs have these shapes; inputs left out keep their declared types. Throws `.shape` or `.model`
    /// where the graph does not allow them.
    package func inferInfos(inputShapes: [ValueName: Shape]) throws -> [ValueName: ValueInfo] {
        try inferInfos(inputTypes: inputTypes(of: inputShapes))
    }

    /// What comes out of a node. Where its inputs are guesses the outputs are, and what does not fit is no error; what known
    /// operators make of foreign values nobody knows.
    private func inferOutputs(of node: Node, _ inputs: [ValueInfo?], around: [ValueName: ValueInfo]) throws -> [ValueInfo] {
        if inputs.contains(where: { $0?.type.foreign != nil }), !(node.op is UnknownOperator) { return [] }
        let isGuess = inputs.contains { $0?.isGuess ?? false } && !(node.op is UnknownOperator)
        do {
            var results = try node.op.checkedOutputs(for: inputs, around: around)
            if isGuess { for index in results.indices { results[index].isGuess = true } }
            return results
        } catch let error as WinnowError {
            if isGuess { return [] }
            throw error.within("node \(node.name) (\(node.op.type))")
        }
    }

    private mutating func checkNames() throws {
        var sources: Set<ValueName> = []
        func add(_ name: ValueName, _ place: @autoclosure () -> String) throws {
            guard sources.insert(name).inserted else { throw WinnowError(.model, place(), "value \(name) has two sources") }
        }
        for input in inputs {
            try add(input.name, "graph inputs")
            guard let tensor = input.defaultValue else { continue }
            let type = ValueType(tensor.elementType, tensor.shape)
            guard input.type.accepts(type) else {
                throw WinnowError(.model, "input \(input.name)", "is \(input.type), but its default value \(type)")
            }
        }
        for name in initializerNames { try add(name, "initializers") }
        nodePlaces.removeAll(keepingCapacity: true)
        for (place, node) in nodes.enumerated() {
            guard !node.name.isEmpty, nodePlaces.updateValue(place, forKey: node.name) == nil else {
                throw WinnowError(.model, "node \(node.name)", "has an empty name or one used twice")
            }
            for output in node.outputs where !output.isEmpty { try add(output, "node \(node.name)") }
        }
        for (variable, value) in updates where initializers[variable] == nil || !sources.contains(value) {
            throw WinnowError(.model, "update of \(variable)", "names a value that does not exist")
        }
    }

    private mutating func sortNodes() throws {
        var producer: [ValueName: Int] = [:]
        for (index, node) in nodes.enumerated() { for output in node.outputs where !output.isEmpty { producer[output] = index } }
        let roots = Set(inputs.map(\.name)).union(initializers.keys).union(captures.keys)
        var available = roots
        if nodes.allSatisfy({ node in
            defer { available.formUnion(node.outputs) }
            return node.readValues.allSatisfy { available.contains($0) }
        }) { return }
        var state = [UInt8](repeating: 0, count: nodes.count)
        let reads = nodes.map(\.readValues)
        var sorted: [Node] = []
        for start in nodes.indices where state[start] == 0 {
            var stack: [(node: Int, next: Int)] = [(start, 0)]
            state[start] = 1
            while let top = stack.last {
                let node = nodes[top.node]
                guard top.next < reads[top.node].count else {
                    sorted.append(node)
                    state[top.node] = 2
                    stack.removeLast()
                    continue
                }
                stack[stack.count - 1].next += 1
                let input = reads[top.node][top.next]
                if roots.contains(input) { continue }
                guard let source = producer[input] else {
                    throw WinnowError(.model, "node \(node.name) (\(node.op.type))", "input \(input) is produced nowhere")
                }
                if state[source] == 1 { throw WinnowError(.model, "node \(node.name)", "is part of a cycle") }
                if state[source] == 0 {
                    state[source] = 1
                    stack.append((source, 0))
                }
            }
        }
        nodes = sorted
    }
}

extension Operator {
    /// `outputs(for:)`, refused where there are more inputs than it takes, and where extents are negative or too large.
    ///
    /// - Parameter around: what is known of the values that bodies may capture.
    package func checkedOutputs(for inputs: [ValueInfo?], around: [ValueName: ValueInfo] = [:]) throws -> [ValueInfo] {
        guard inputs.count <= Self.maximumInputCount else {
            throw WinnowError(.model, "inputs", "are \(inputs.count), but it takes \(Self.maximumInputCount) at most")
        }
        let results = try (self as? any ControlFlowOperator)?.outputs(for: inputs, around: around) ?? outputs(for: inputs)
        for result in results { try result.checkExtents() }
        return results.map(\.settlingElements)
    }

    /// `kernel(for:)`, refused where it would give its input on as a result of another size.
    package func checkedKernel(for request: KernelRequest) throws -> Kernel {
        let kernel = try kernel(for: request)
        if kernel.placement == .view, let source = request.optionalInput(0), let result = request.outputs.first,
            source.shape.elementCount != result.shape.elementCount
        {
            throw WinnowError(.shape, request.nodeName, "cannot give \(source.shape) the shape \(result.shape)")
        }
        return kernel
    }
}

extension ValueInfo {
    /// The same with its unknown extents told from all others: this tensor's.
    fileprivate func tellingExtents(of name: ValueName) -> ValueInfo {
        guard let extents, type.isTensor, extents.contains(.unknown) else { return self }
        var result = self
        result.type.extents = extents.enumerated().map { $1 == .unknown ? .nameless("value \(name).\($0)") : $1 }
        return result
    }

    /// The same as a constant where all elements are numbers.
    fileprivate var settlingElements: ValueInfo {
        guard constant == nil, let values = symbolicElements?.compactMap(\.value), values.count == symbolicElements?.count,
            let shape, shape.elementCount == values.count
        else { return self }
        var result = self
        result.symbolicElements = nil
        result.constant = Tensor(values.map(Double.init), shape: shape, as: elementType)
        return result
    }

    /// Throws for negative extents, and for more elements than any memory holds: later arithmetic would overflow.
    package func checkExtents() throws {
        var product = 1
        for extent in extents ?? [] {
            guard let value = extent.value else { continue }
            guard value >= 0 else { throw WinnowError(.shape, "output", "has the negative extent \(value)") }
            let (next, overflows) = product.multipliedReportingOverflow(by: max(1, value))
            guard !overflows, next <= 1 << 48 else { throw WinnowError(.shape, "output", "has more elements than any memory holds") }
            product = next
        }
    }
}
