import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor

extension CodeRemoval {
    /// What nodes make of constant codes alone takes their place: the first numbers that more than a node on constants reads, so that
    /// what is read in two forms is stored once.
    mutating func storeNumbers() throws {
        let index = GraphIndex(graph)
        let (nodes, values) = index.numbersOfConstantCodes
        var tensors: [ValueName: Tensor] = [:]
        for value in values {
            guard let tensor = index.constantValue(of: value), tensor.elementType.isFloatingPoint else { continue }
            tensors[value] = tensor.spilled()
        }
        let removable = index.nodes(nodes, neededFor: Set(tensors.keys))
        var (edit, names) = (GraphEdit(), names)
        edit.removedNodes = removable
        for value in values {
            guard let tensor = tensors[value], let origin = index.codes(behind: value),
                !graph.outputs.contains(value) || index.producer(of: value).map({ removable.contains($0.name) }) == true
            else { continue }
            let codes = sources[origin] ?? origin
            let name = graph.outputs.contains(value) ? value : self.name(of: origin, removable, edit, in: index, &names)
            edit.initializers.append((name, tensor))
            if name != value { edit.rewired[value] = name }
            note(codes, as: name, tensor.elementType)
        }
        // Parts that are numbers already need no name of their own.
        for (part, _) in sources where edit.initializers.contains(where: { $0.name == part }) { sources[part] = nil }
        if !edit.initializers.isEmpty { graph = try graph.applying(edit).removingDeadNodes() }
    }

    /// Where the numbers of codes are stored: in the place of the codes where nothing else reads those.
    private func name(
        of origin: ValueName, _ removable: Set<String>, _ edit: GraphEdit, in index: GraphIndex, _ names: inout FreshNames
    ) -> ValueName {
        let wanted = Self.name(ofNumbersOf: sources[origin] ?? origin)
        let isFree = !index.isOutput(origin) && index.consumers(of: origin).allSatisfy { removable.contains($0.name) }
        return wanted == origin && isFree && !edit.initializers.contains { $0.name == origin } ? origin : names.value(wanted)
    }
}

extension GraphIndex {
    /// Nodes that compute with constant codes alone, and of what they make the numbers that are to be stored.
    fileprivate var numbersOfConstantCodes: (nodes: Set<String>, values: [ValueName]) {
        let constants = nodesOnConstants
        var (nodes, coded, values): (Set<String>, Set<ValueName>, [ValueName]) = ([], [], [])
        for node in graph.nodes where constants.contains(node.name) {
            guard readsCodes(node) || node.inputs.contains(where: { coded.contains($0) }) else { continue }
            nodes.insert(node.name)
            for output in node.outputs where isRead(output) {
                let isBetween = soleConsumer(of: output).map { constants.contains($0.name) } ?? false
                if isBetween || info(of: output)?.elementType.isFloatingPoint != true { coded.insert(output) } else { values.append(output) }
            }
        }
        return (nodes, values)
    }

    private var nodesOnConstants: Set<String> {
        var (known, nodes) = (Set(graph.initializerNames), Set<String>())
        for node in graph.nodes where !node.inputs.isEmpty && node.op.bodies.isEmpty && !node.op.draws && !node.notes.isMask {
            guard node.inputs.allSatisfy({ $0.isEmpty || known.contains($0) }) else { continue }
            nodes.insert(node.name)
            known.formUnion(node.outputs)
        }
        return nodes
    }

    /// Whether a node on constants rounds numbers to codes or makes numbers of them.
    private func readsCodes(_ node: Node) -> Bool {
        if node.op is DequantizeLinear || node.op is QuantizeLinear { return true }
        guard let cast = node.op as? Cast, cast.target.isFloatingPoint, let codes = constant(node.input(0)) else { return false }
        return codes.rank > 1 && codes.elementType.isInteger && codes.elementType.bitWidth <= 8 && codes.elementType != .bool
    }

    /// Those of the nodes that nothing needs once these values are stored.
    fileprivate func nodes(_ names: Set<String>, neededFor stored: Set<ValueName>) -> Set<String> {
        var result: Set<String> = []
        for node in graph.nodes.reversed() where names.contains(node.name) {
            let isNeeded = node.outputs.contains { output in
                guard isRead(output), !stored.contains(output) else { return false }
                return isOutput(output) || consumers(of: output).contains { !result.contains($0.name) }
            }
            if !isNeeded { result.insert(node.name) }
        }
        return result
    }

    /// The largest of the constants that a value is computed from: its codes, or the weight that is rounded to codes.
    fileprivate func codes(behind value: ValueName) -> ValueName? {
        let constants = constantSources(of: value).filter { graph.initializers[$0] != nil }
        return constants.max { a, b in
            let (own, other) = (graph.initializers[a]?.elementCount ?? 0, graph.initializers[b]?.elementCount ?? 0)
            let (isCode, isOtherCode) = (graph.initializers[a]?.elementType.isInteger == true, graph.initializers[b]?.elementType.isInteger == true)
            return own != other ? own < other : isCode != isOtherCode ? isOtherCode : a > b
        }
    }
}
