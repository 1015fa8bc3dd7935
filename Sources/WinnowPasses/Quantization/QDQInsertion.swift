package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Writes quantized values into a graph as QuantizeLinear and DequantizeLinear nodes.
package struct QDQInsertion {
    /// One input of one node.
    private struct Place: Hashable {
        var node: String
        var input: Int
    }

    private struct Pair: Hashable {
        var operand: ValueName
        var axis: Int?
    }

    private let graph: Graph
    private let index: GraphIndex
    private var names: FreshNames
    private var edit = GraphEdit()
    /// What each quantized value is read as: by all its readers, or by these nodes.
    private var activations: [ValueName: (value: ValueName, readers: Set<String>?)] = [:]
    private var weights: [Place: ValueName] = [:]
    private var pairs: [Pair: (value: ValueName, scale: ValueName)] = [:]
    private var renamedOutputs: [ValueName: ValueName] = [:]

    /// - Parameter taken: names that nothing new may have.
    package init(_ graph: Graph, avoiding taken: Set<ValueName> = []) {
        self.graph = graph
        index = GraphIndex(graph)
        names = FreshNames(graph, avoiding: taken)
    }

    /// Puts a pair behind every value of a group; its scale and zero point are stored once, named after the first value.
    /// A model's input is there in floats, so only `readers` take the codes of one. Returns the name of the scale.
    ///
    /// - Parameter onlyForReaders: the same for all values.
    @discardableResult
    package mutating func quantize(
        _ group: QuantizationPlan.Group, _ parameters: QuantizationParameters, onlyForReaders: Bool = false,
        readers: (ValueName) -> Set<String>
    ) -> ValueName {
        guard let first = group.values.first else { return "" }
        let stored = store(parameters, of: first, shape: [])
        for value in group.values {
            let staysFloat = onlyForReaders || graph.inputNames.contains(value)
            let source = graph.outputs.contains(value) && !staysFloat ? names.value("\(value).float") : value
            let result = source == value ? names.value("\(value).dequantized") : value
            if source != value { renamedOutputs[value] = source }
            activations[value] = (result, staysFloat ? readers(value) : nil)
            addPair(value, from: source, to: result, parameters, stored)
        }
        return stored[0]
    }

    /// Puts a pair behind what a layer reads as its weight, which stays float beneath, so that it can be trained. Layers that
    /// read the same along the same axis share one. Returns the name of the scale.
    @discardableResult
    package mutating func quantize(_ site: WeightSite, _ parameters: QuantizationParameters) -> ValueName {
        let pair = pair(for: site.operand, of: site.tensor, parameters)
        weights[Place(node: site.node.name, input: site.inputIndex)] = pair.value
        return pair.scale
    }

    /// Lets everything else that reads a weight, such as a lookup in a tied embedding, read its codes too, so that the floats
    /// need not be stored. `parameters` are for what no layer reads; nil leaves the reader alone.
    package mutating func redirectOtherReaders(of sites: [WeightSite], _ parameters: (ValueName) -> QuantizationParameters?) {
        var between: Set<String> = []
        var values: Set<ValueName> = []
        for site in sites {
            guard let rank = graph.infos[site.operand]?.rank, let path = index.weightPath(to: site.operand, rank: rank) else { continue }
            between.formUnion(path.nodes.map(\.name))
            values.formUnion([site.tensor] + path.nodes.compactMap { $0.output(0) })
        }
        for value in values.sorted() {
            for node in index.consumers(of: value) where !between.contains(node.name) {
                for input in node.inputs.indices where node.inputs[input] == value {
                    let place = Place(node: node.name, input: input)
                    if weights[place] != nil { continue }
                    let known = pairs.filter { $0.key.operand == value }.min { ($0.key.axis ?? -1) < ($1.key.axis ?? -1) }?.value
                    guard let known = known ?? parameters(value).map({ pair(for: value, of: sites[0].tensor, $0) }) else { continue }
                    weights[place] = known.value
                }
            }
        }
    }

    /// The graph with everything put in.
    package func apply() throws -> Graph {
        var edit = edit
        for node in graph.nodes {
            var changed = node
            for (input, value) in node.inputs.enumerated() {
                if let other = weights[Place(node: node.name, input: input)] {
                    changed.inputs[input] = other
                } else if let other = activations[value], other.readers?.contains(node.name) ?? true {
                    changed.inputs[input] = other.value
                }
            }
            changed.outputs = node.outputs.map { renamedOutputs[$0] ?? $0 }
            if changed.inputs == node.inputs, changed.outputs == node.outputs { continue }
            edit.removedNodes.insert(node.name)
            edit.addedNodes.append(changed)
        }
        return try graph.applying(edit)
    }

    private mutating func pair(
        for operand: ValueName, of tensor: ValueName, _ parameters: QuantizationParameters
    ) -> (value: ValueName, scale: ValueName) {
        let key = Pair(operand: operand, axis: parameters.axis)
        if let known = pairs[key] { return known }
        let shape = graph.infos[operand]?.shape ?? []
        let stored = store(parameters, of: tensor, shape: shape)
        let result = names.value("\(tensor).dequantized")
        addPair(tensor, from: operand, to: result, parameters, stored)
        pairs[key] = (result, stored[0])
        return (result, stored[0])
    }

    private mutating func store(_ parameters: QuantizationParameters, of value: ValueName, shape: Shape) -> [ValueName] {
        let stored = [names.value("\(value).scale"), names.value("\(value).zero_point")]
        edit.initializers += [
            (stored[0], parameters.scaleTensor(for: shape).spilled()), (stored[1], parameters.zeroPointTensor(for: shape)),
        ]
        return stored
    }

    private mutating func addPair(
        _ value: ValueName, from source: ValueName, to result: ValueName, _ parameters: QuantizationParameters,
        _ stored: [ValueName]
    ) {
        let codes = names.value("\(value).quantized")
        edit.addedNodes += [
            Node(
                name: names.node("\(value).quantize"),
                op: QuantizeLinear(axis: parameters.axis, blockSize: parameters.blockSize), inputs: [source] + stored, outputs: [codes]),
            Node(
                name: names.node("\(value).dequantize"),
                op: DequantizeLinear(axis: parameters.axis, blockSize: parameters.blockSize), inputs: [codes] + stored, outputs: [result]),
        ]
    }
}
