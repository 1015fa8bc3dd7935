package import WinnowGraph
package import WinnowTensor

/// What of a graph depends on initializers alone, and what it is.
extension Graph {
    /// The largest initializer behind every value that depends on initializers alone, themselves included.
    package var constantOrigins: [ValueName: ValueName] {
        var origins = Dictionary(uniqueKeysWithValues: initializers.keys.map { ($0, $0) })
        for node in nodes where node.op.bodies.isEmpty {
            let sources = node.inputs.filter { !$0.isEmpty }.map { origins[$0] }
            guard let largest = sources.compactMap({ $0 }).max(by: { size($0) < size($1) }), !sources.contains(nil) else { continue }
            for output in node.outputs where !output.isEmpty { origins[output] = largest }
        }
        return origins
    }

    private func size(_ initializer: ValueName) -> Int { initializers[initializer]?.elementCount ?? 0 }

    /// The elements of an initializer or of what nodes compute from initializers alone; nil where that cannot be run here.
    package func constantValue(of value: ValueName) -> Tensor? { GraphIndex(self).constantValue(of: value) }

    /// The contents of a value that these nodes compute from initializers.
    package func computing(_ value: ValueName, by nodes: [Node]) throws -> Tensor? {
        let constants = Set(nodes.flatMap(\.inputs)).sorted().compactMap { name in initializers[name].map { (name: name, tensor: $0) } }
        let part = try Graph(name: name, inputs: [], outputs: [value], nodes: nodes, initializers: constants)
        return try Session(part, options: SessionOptions(lowers: false)).run([:])[value]
    }
}

extension GraphIndex {
    /// The initializers that a constant value is computed from, and the values between.
    package func constantSources(of value: ValueName) -> Set<ValueName> {
        var (sources, open) = (Set<ValueName>(), [value])
        while let next = open.popLast() {
            open += (producer(of: next)?.inputs ?? []).filter { !$0.isEmpty && sources.insert($0).inserted }
        }
        return sources
    }

    /// The elements of an initializer or of what nodes compute from initializers alone; nil where that cannot be run here.
    ///
    /// - Parameter limit: of the elements of what is computed; nil, too, where that or a value between has more.
    package func constantValue(of value: ValueName, limit: Int = .max) -> Tensor? {
        if let tensor = graph.initializers[value] { return tensor }
        let computed = constantSources(of: value).union([value]).filter { graph.initializers[$0] == nil }
        let isWithin = limit == .max || computed.allSatisfy { info(of: $0)?.shape.map { $0.elementCount <= limit } ?? false }
        guard isWithin else { return nil }
        // In any order: a graph puts its nodes in one that runs.
        var needed: [String: Node] = [:]
        for value in computed { if let node = producer(of: value) { needed[node.name] = node } }
        return try? graph.computing(value, by: needed.values.sorted { $0.name < $1.name })
    }
}
