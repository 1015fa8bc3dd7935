package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Writes a quantization plan into a graph as QuantizeLinear and DequantizeLinear nodes.
package struct QDQInsertion {
    private let graph: Graph
    private var edit = GraphEdit()
    /// What each quantized value is read as.
    private var dequantized: [ValueName: ValueName] = [:]
    private var parameters: [ValueName: QuantizationParameters] = [:]
    private var nodes: [String: Node]
    private var renamedOutputs: [ValueName: ValueName] = [:]

    package init(_ graph: Graph) {
        self.graph = graph
        nodes = Dictionary(uniqueKeysWithValues: graph.nodes.map { ($0.name, $0) })
    }

    /// Puts a pair behind every value of a group; its scale and zero point are stored once, named after the first value.
    package mutating func quantize(_ group: QuantizationPlan.Group, _ parameters: QuantizationParameters) {
        guard let first = group.values.first else { return }
        let scale = "\(first).scale"
        let zeroPoint = "\(first).zero_point"
        edit.initializers += [(scale, parameters.scaleTensor), (zeroPoint, parameters.zeroPointTensor)]
        for value in group.values {
            self.parameters[value] = parameters
            let source = graph.outputs.contains(value) && !graph.inputNames.contains(value) ? "\(value).float" : value
            let result = source == value ? "\(value).dequantized" : value
            if source != value { renamedOutputs[value] = source }
            dequantized[value] = result
            edit.addedNodes += [
                Node(
                    name: "\(value).quantize", op: QuantizeLinear(), inputs: [source, scale, zeroPoint],
                    outputs: ["\(value).quantized"]),
                Node(
                    name: "\(value).dequantize", op: DequantizeLinear(), inputs: ["\(value).quantized", scale, zeroPoint],
                    outputs: [result]),
            ]
        }
    }

    /// The parameters a value got; nil if it stays float.
    package func parameters(of value: ValueName?) -> QuantizationParameters? { value.flatMap { parameters[$0] } }

    /// Stores a weight as integers that a DequantizeLinear turns back.
    package mutating func quantize(weight site: WeightSite, _ parameters: QuantizationParameters) {
        guard let weight = graph.initializers[site.tensor] else { return }
        let names = storeParameters(site.tensor, parameters)
        let codes = "\(site.tensor).codes"
        edit.initializers.append((codes, parameters.quantize(weight)))
        read(site, through: [
            Node(
                name: "\(site.tensor).dequantize", op: DequantizeLinear(axis: parameters.axis),
                inputs: [codes] + names, outputs: ["\(site.tensor).dequantized"])
        ])
    }

    /// Keeps a weight as floats behind a Q/DQ pair, so that it can be trained.
    package mutating func pair(weight site: WeightSite, _ parameters: QuantizationParameters) {
        let names = storeParameters(site.tensor, parameters)
        let axis = parameters.axis
        read(site, through: [
            Node(
                name: "\(site.tensor).quantize", op: QuantizeLinear(axis: axis), inputs: [site.operand] + names,
                outputs: ["\(site.tensor).quantized"]),
            Node(
                name: "\(site.tensor).dequantize", op: DequantizeLinear(axis: axis), inputs: ["\(site.tensor).quantized"] + names,
                outputs: ["\(site.tensor).dequantized"]),
        ])
    }

    /// Stores a bias as int32 with exactly the scale of the sums it is added to. Returns why not, if it has to stay float.
    package mutating func quantize(bias: ValueName, of site: WeightSite, weight: QuantizationParameters) -> String? {
        guard let tensor = graph.initializers[bias], tensor.elementType == .float32 else { return "is no float32 constant" }
        let factor = try? site.node.op.attributes.float("alpha", default: 1)
        let beta = try? site.node.op.attributes.float("beta", default: 1)
        guard factor == 1, beta == 1 else { return "the Gemm has an alpha or beta" }
        guard let input = parameters(of: site.node.input(1 - site.inputIndex)) else { return "the data stays float" }
        guard tensor.rank == 1 else { return "is not one number a channel" }
        let channels = tensor.shape[0]
        let scales = weight.scales.map { input.scales[0] * $0 }
        guard scales.count == channels || scales.count == 1 else { return "its channels are not the weight's" }
        let values = tensor.floats()
        let codes = values.indices.map { (Double(values[$0]) / Double(scales[scales.count == 1 ? 0 : $0])).rounded(.toNearestOrEven) }
        guard codes.allSatisfy({ $0.magnitude < 0x1p31 }) else { return "would not fit int32" }
        let isSlicewise = scales.count > 1 || weight.axis != nil
        edit.initializers += [
            ("\(bias).codes", Tensor(codes.map { Int32($0) })),
            ("\(bias).scale", Tensor(scales, shape: isSlicewise ? [scales.count] : [])),
        ]
        edit.addedNodes.append(Node(
            name: "\(bias).dequantize", op: DequantizeLinear(axis: 0), inputs: ["\(bias).codes", "\(bias).scale"],
            outputs: ["\(bias).dequantized"]))
        nodes[site.node.name]?.inputs[2] = "\(bias).dequantized"
        return nil
    }

    /// The graph with everything put in.
    package func apply() throws -> Graph {
        var edit = edit
        edit.removedNodes = Set(nodes.keys)
        edit.addedNodes += nodes.values.map { node in
            var node = node
            node.inputs = node.inputs.map { dequantized[$0] ?? $0 }
            node.outputs = node.outputs.map { renamedOutputs[$0] ?? $0 }
            return node
        }.sorted { order[$0.name, default: 0] < order[$1.name, default: 0] }
        return try graph.applying(edit)
    }

    private var order: [String: Int] {
        Dictionary(uniqueKeysWithValues: graph.nodes.enumerated().map { ($1.name, $0) })
    }

    private mutating func storeParameters(_ name: ValueName, _ parameters: QuantizationParameters) -> [ValueName] {
        edit.initializers += [
            ("\(name).scale", parameters.scaleTensor), ("\(name).zero_point", parameters.zeroPointTensor),
        ]
        return ["\(name).scale", "\(name).zero_point"]
    }

    private mutating func read(_ site: WeightSite, through added: [Node]) {
        if let last = added.last?.outputs[0] { nodes[site.node.name]?.inputs[site.inputIndex] = last }
        edit.addedNodes += added.filter { node in !edit.addedNodes.contains { $0.name == node.name } }
    }
}
