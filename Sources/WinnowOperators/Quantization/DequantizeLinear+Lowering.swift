package import WinnowGraph
import WinnowKernels
import WinnowTensor

extension DequantizeLinear {
    /// Dequantized weights make their reader an integer contraction; dequantization moves behind operators that only move
    /// or select codes; an activation that no code can reach disappears.
    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        if graph.constant(node.input(0)) != nil { return try IntegerLowering.edit(forWeights: node, in: graph) }
        guard let encoding = graph.encoding(of: node), !graph.isOutput(node.outputs[0]) else { return nil }
        for reader in graph.consumers(of: node.output(0)) where reader.input(0) == node.output(0) {
            if let edit = removing(reader, behind: node, encoding, in: graph) { return edit }
            if let edit = try moving(node, behind: reader, in: graph) { return edit }
        }
        return nil
    }

    /// Relu and Clip that leave every code's number as it is.
    private func removing(_ reader: Node, behind node: Node, _ encoding: AffineEncoding, in graph: GraphIndex) -> GraphEdit? {
        guard let operation = reader.op as? any ActivationOperator, let output = reader.output(0) else { return nil }
        let bounds: ClosedRange<Float>
        switch operation.activation(of: reader, in: graph) {
        case .relu: bounds = 0...Float.infinity
        case .clip(let low, let high) where low <= high: bounds = low...high
        default: return nil
        }
        let (range, slack) = (encoding.realRange, encoding.scale / 2)
        guard range.lowerBound >= bounds.lowerBound - slack, range.upperBound <= bounds.upperBound + slack else { return nil }
        var edit = GraphEdit()
        edit.removedNodes = [reader.name]
        edit.rewired = [output: node.outputs[0]]
        return graph.isOutput(output) ? nil : edit
    }

    /// `op(dequantize(codes))` as `dequantize(op(codes))`.
    private func moving(_ node: Node, behind reader: Node, in graph: GraphIndex) throws -> GraphEdit? {
        guard reader.op.quantization == .keepsScale, reader.outputs.count == 1, let codes = node.input(0),
            let output = reader.output(0), !reader.inputs.dropFirst().contains(node.outputs[0])
        else { return nil }
        let moved = graph.graph.freshValueName("\(output).codes")
        let op = Node(name: reader.name, op: reader.op, inputs: [codes] + reader.inputs.dropFirst(), outputs: [moved])
        let dequantize = Node(
            name: "\(moved).dequantize", op: self, inputs: [moved] + node.inputs.dropFirst(), outputs: [output])
        return GraphEdit(replacing: [reader.name], with: [op, dequantize])
    }
}
