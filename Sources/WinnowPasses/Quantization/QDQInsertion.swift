package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Writes quantized values into a graph as QuantizeLinear and DequantizeLinear nodes.
package struct QDQInsertion {
    private let graph: Graph
    private var edit = GraphEdit()
    /// What each quantized value is read as.
    private var dequantized: [ValueName: ValueName] = [:]
    private var renamedOutputs: [ValueName: ValueName] = [:]

    package init(_ graph: Graph) { self.graph = graph }

    /// Puts a pair behind every value of a group; its scale and zero point are stored once, named after the first value.
    /// Returns the name of the scale.
    @discardableResult
    package mutating func quantize(_ group: QuantizationPlan.Group, _ parameters: QuantizationParameters) -> ValueName {
        guard let first = group.values.first else { return "" }
        let names = store(parameters, of: first, shape: [])
        for value in group.values {
            let isInput = graph.inputNames.contains(value)
            let source = graph.outputs.contains(value) && !isInput ? graph.freshValueName("\(value).float") : value
            let result = source == value ? graph.freshValueName("\(value).dequantized") : value
            if source != value { renamedOutputs[value] = source }
            dequantized[value] = result
            addPair(value, from: source, to: result, parameters, names)
        }
        return names[0]
    }

    /// Puts a pair behind a weight, which stays float beneath, so that it can be trained. Returns the name of the scale.
    @discardableResult
    package mutating func quantize(_ site: WeightSite, _ parameters: QuantizationParameters) -> ValueName {
        if dequantized[site.operand] != nil { return "\(site.tensor).scale" }
        let names = store(parameters, of: site.tensor, shape: graph.initializers[site.tensor]?.shape ?? [])
        let result = graph.freshValueName("\(site.tensor).dequantized")
        dequantized[site.operand] = result
        addPair(site.tensor, from: site.operand, to: result, parameters, names)
        return names[0]
    }

    /// The graph with everything put in.
    package func apply() throws -> Graph {
        var edit = edit
        for node in graph.nodes {
            var changed = node
            changed.inputs = node.inputs.map { dequantized[$0] ?? $0 }
            changed.outputs = node.outputs.map { renamedOutputs[$0] ?? $0 }
            if changed.inputs == node.inputs, changed.outputs == node.outputs { continue }
            edit.removedNodes.insert(node.name)
            edit.addedNodes.append(changed)
        }
        return try graph.applying(edit)
    }

    private mutating func store(_ parameters: QuantizationParameters, of value: ValueName, shape: Shape) -> [ValueName]
    {
        let names = ["\(value).scale", "\(value).zero_point"].map { graph.freshValueName($0) }
        edit.initializers += [
            (names[0], parameters.scaleTensor(for: shape).spilled()), (names[1], parameters.zeroPointTensor(for: shape)),
        ]
        return names
    }

    private mutating func addPair(
        _ value: ValueName, from source: ValueName, to result: ValueName, _ parameters: QuantizationParameters,
        _ names: [ValueName]
    ) {
        let codes = graph.freshValueName("\(value).quantized")
        edit.addedNodes += [
            Node(
                name: "\(value).quantize", op: QuantizeLinear(axis: parameters.axis, blockSize: parameters.blockSize),
                inputs: [source] + names, outputs: [codes]),
            Node(
                name: "\(value).dequantize",
                op: DequantizeLinear(axis: parameters.axis, blockSize: parameters.blockSize),
                inputs: [codes] + names, outputs: [result]),
        ]
    }
}
