import WinnowGraph
import WinnowOperators
import WinnowTensor

extension Graph {
    /// Layers that take codes and whose results become codes as the operators that do the same on codes (QLinearConv, QLinearMatMul); the
    /// rest keeps its pairs, and those whose codes these operators do not take are named.
    func writingQuantizedOperators() throws -> PassResult {
        let index = GraphIndex(self)
        var (edit, findings) = (GraphEdit(), [Finding]())
        for node in nodes {
            guard let op = (node.op as? any ComputableOnCodes)?.onCodes, let (between, quantize) = index.requantization(of: node),
                let data = index.perTensorCodes(of: node.input(0)), let weight = index.dequantizing(node.input(1)),
                initializers[weight.inputs[0]] != nil, !edit.removedNodes.contains(node.name)
            else { continue }
            var inputs = data.inputs + weight.inputs + quantize.inputs.dropFirst()
            if let bias = node.input(2) {
                guard let codes = index.producer(of: bias), codes.op is DequantizeLinear, let stored = codes.input(0),
                    initializers[stored]?.elementType == .int32
                else { continue }
                inputs.append(stored)
            }
            let types = [data.input(0), weight.input(0), quantize.output(0)].compactMap { $0.flatMap { infos[$0]?.elementType } }
            if let other = types.first(where: { $0 != .int8 && $0 != .uint8 }) {
                findings.append(Finding(node.name, .fellBack, reason: "keeps its pairs: \(op.type) takes codes of 8 bits, and these are \(other)"))
                continue
            }
            edit.removedNodes.formUnion([node.name, quantize.name] + between.map(\.name))
            edit.addedNodes.append(Node(name: node.name, op: op, inputs: inputs, outputs: quantize.outputs, notes: node.notes))
        }
        return try PassResult(graph: applying(edit).removingDeadNodes(), findings: findings)
    }
}

extension GraphIndex {
    /// A DequantizeLinear with scale and zero point.
    fileprivate func dequantizing(_ value: ValueName?) -> Node? {
        producer(of: value).flatMap { $0.op is DequantizeLinear && $0.inputs.count == 3 && !$0.inputs.contains("") ? $0 : nil }
    }

    fileprivate func perTensorCodes(of value: ValueName?) -> Node? {
        dequantizing(value).flatMap { constant($0.input(1))?.elementCount == 1 ? $0 : nil }
    }

    /// The QuantizeLinear of a layer's output, and a Relu or Clip before it that its lowest and highest code make needless.
    fileprivate func requantization(of node: Node) -> (between: [Node], quantize: Node)? {
        guard let reader = soleConsumer(of: node.output(0)), !isOutput(node.outputs[0]) else { return nil }
        if reader.op is QuantizeLinear { return isPerTensor(reader) ? ([], reader) : nil }
        guard let (limiter, limits) = limitation(of: node.output(0)), let quantize = soleConsumer(of: limiter.output(0)), isPerTensor(quantize),
            makesNeedless(limits, quantize)
        else { return nil }
        return ([limiter], quantize)
    }

    private func isPerTensor(_ quantize: Node) -> Bool {
        quantize.inputs.count == 3 && constant(quantize.input(1))?.elementCount == 1 && constant(quantize.input(2)) != nil
    }
}
