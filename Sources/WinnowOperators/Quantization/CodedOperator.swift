package import WinnowGraph
import WinnowTensor

/// An operator that computes on codes, and may compute on the numbers they stand for instead.
package protocol CodedOperator: Operator {
    /// Nodes on numbers in the place of one on codes: DequantizeLinear makes numbers of what comes as codes, QuantizeLinear makes codes of
    /// what is read as such. nil, or an error that says why, where that asks for constants that are none, or where sums of codes are read
    /// otherwise than as numbers.
    func floatForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit?
}

extension CodedOperator where Self: Decomposition {
    package func floatForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? { try inlined(node, in: graph) }
}

extension QLinearAdd: CodedOperator {}
extension QLinearMul: CodedOperator {}
extension QLinearConv: CodedOperator {}
extension QLinearMatMul: CodedOperator {}
extension QGemm: CodedOperator {}
extension QLinearAveragePool: CodedOperator {}
extension QLinearGlobalAveragePool: CodedOperator {}
extension QLinearConcat: CodedOperator {}
extension QLinearLeakyRelu: CodedOperator {}
extension QLinearSigmoid: CodedOperator {}
extension QLinearSoftmax: CodedOperator {}
extension MatMulIntegerToFloat: CodedOperator {}
extension GatherBlockQuantized: CodedOperator {}
extension MatMulNBits: CodedOperator {}

extension DynamicQuantizeMatMul: CodedOperator {
    package func floatForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        let inputs = (0..<Self.maximumInputCount).map { node.input($0) }
        guard let left = inputs[0] else { return nil }
        return try graph.inlining(node) { b in
            let product = try b.add(MatMul(), left, b.dequantized([inputs[1], inputs[2], inputs[3]], 0, axis: -1))
            return [try inputs[4].map { try b.add(product, $0) } ?? product]
        }
    }
}

extension DynamicQuantizeLSTM: CodedOperator {
    package func floatForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        var edit = GraphEdit()
        var inputs = Array(node.inputs.prefix(LSTM.maximumInputCount))
        for (place, scale) in [(1, 8), (2, 10)] {
            guard let weight = numbers(place, scale, of: node, in: graph) else { return nil }
            inputs[place] = graph.graph.freshValueName("\(node.name).weight\(place)")
            edit.initializers.append((inputs[place], weight))
        }
        edit.removedNodes = [node.name]
        edit.addedNodes = [Node(name: node.name, op: lstm, inputs: inputs.withoutMissingEnd, outputs: node.outputs)]
        return edit
    }

    /// A weight as LSTM reads it, (D, 4·H, features).
    private func numbers(_ place: Int, _ scale: Int, of node: Node, in graph: GraphIndex) -> Tensor? {
        guard let codes = graph.constant(node.input(place)), codes.rank == 3, let scales = graph.constant(node.input(scale))?.floats(),
            [codes.shape[0], codes.shape[0] * codes.shape[2]].contains(scales.count)
        else { return nil }
        let zeroPoints = graph.constant(node.input(scale + 1))?.floats()
        guard node.input(scale + 1) == nil || zeroPoints?.count == scales.count else { return nil }
        let (inner, columns, perDirection) = (codes.shape[1] * codes.shape[2], codes.shape[2], scales.count == codes.shape[0])
        let values = codes.floats().enumerated().map { element, code in
            let own = perDirection ? element / inner : element / inner * columns + element % columns
            return scales[own] * (code - (zeroPoints?[own] ?? 0))
        }
        return Tensor(values, shape: codes.shape).transposed([0, 2, 1])
    }
}

extension MatMulInteger: CodedOperator {
    package func floatForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        try graph.floatForm(of: node, by: MatMul(), filterAxis: max(1, (graph.info(of: node.input(1))?.rank ?? 2) - 1))
    }
}

extension ConvInteger: CodedOperator {
    package func floatForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        try graph.floatForm(of: node, by: convolution, filterAxis: 0)
    }
}
