package import WinnowTensor

/// A graph with its edges looked up fast: who makes a value, who reads it.
package struct GraphIndex: Sendable {
    package let graph: Graph
    private let producers: [ValueName: Int]
    private let readers: [ValueName: [Int]]
    private let outputs: Set<ValueName>
    private let variables: Set<ValueName>
    let knownProbabilities = ValueMemo<Probabilities?>()
    let knownUnitIntervals = ValueMemo<Bool>()

    /// An index of `graph` in which the initializers named in `variables` change between runs: they are no constants.
    package init(_ graph: Graph, variables: Set<ValueName> = []) {
        self.graph = graph
        self.variables = variables
        var producers: [ValueName: Int] = [:]
        var readers: [ValueName: [Int]] = [:]
        for (index, node) in graph.nodes.enumerated() {
            for output in node.outputs where !output.isEmpty { producers[output] = index }
            for input in Set(node.inputs) where !input.isEmpty { readers[input, default: []].append(index) }
        }
        self.producers = producers
        self.readers = readers
        outputs = Set(graph.outputs).union(graph.updates.values).union(graph.nodes.flatMap { $0.op.capturedValues })
    }

    /// The node that computes a value; nil for graph inputs and initializers.
    package func producer(of value: ValueName?) -> Node? {
        guard let value, let index = producers[value] else { return nil }
        return graph.nodes[index]
    }

    /// Where the node that computes a value stands among the graph's.
    func place(ofProducerOf value: ValueName) -> Int? { producers[value] }

    /// The nodes that read a value, in topological order, each once.
    package func consumers(of value: ValueName?) -> [Node] {
        guard let value else { return [] }
        return (readers[value] ?? []).map { graph.nodes[$0] }
    }

    /// The only reader of a value that nothing else needs: it is no graph output and is read once.
    package func soleConsumer(of value: ValueName?) -> Node? {
        guard let value, !outputs.contains(value), let indices = readers[value], indices.count == 1 else { return nil }
        let node = graph.nodes[indices[0]]
        return node.inputs.count(where: { $0 == value }) == 1 ? node : nil
    }

    /// Whether something needs a value.
    package func isRead(_ value: ValueName) -> Bool { !value.isEmpty && (isOutput(value) || readers[value] != nil) }

    /// Whether a value is needed outside the nodes: by the caller, by an update, by a control-flow body.
    package func isOutput(_ value: ValueName) -> Bool { outputs.contains(value) }

    /// What is known of a value; the contents of variables are not.
    package func info(of value: ValueName?) -> ValueInfo? {
        guard let value, var info = graph.infos[value] else { return nil }
        if variables.contains(value) { info.constant = nil }
        return info
    }

    /// The contents of an initializer that never changes.
    package func constant(_ value: ValueName?) -> Tensor? {
        value.flatMap { variables.contains($0) ? nil : graph.initializers[$0] }
    }
}
