package import WinnowGraph
import WinnowTensor

/// An operator that computes on codes, and may compute on the numbers they stand for instead.
package protocol CodedOperator: Operator {
    /// Nodes on numbers in the place of one on codes: DequantizeLinear makes numbers of what comes as codes, QuantizeLinear makes codes of
    /// what is read as such. nil where that asks for constants that are none, or where sums of codes are read otherwise than as numbers.
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
        let filterAxis = graph.constant(node.input(1)).map { max(1, $0.rank - 1) } ?? 1
        return try graph.dequantizedForm(of: node, by: MatMul(), filterAxis: filterAxis) ?? graph.dequantizedForm(of: node, by: MatMul())
    }
}

extension ConvInteger: CodedOperator {
    package func floatForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        try graph.dequantizedForm(of: node, by: convolution, filterAxis: 0) ?? graph.dequantizedForm(of: node, by: convolution)
    }
}

extension GraphIndex {
    /// Sums of codes that QuantizeLinear or DynamicQuantizeLinear make of both operands, cast and multiplied by both their scales, as the
    /// contraction of dequantized operands that they are; nil for others.
    fileprivate func dequantizedForm(of node: Node, by op: any Operator) throws -> GraphEdit? {
        guard let cast = soleConsumer(of: node.output(0)), (cast.op as? Cast)?.target == .float32,
            let scaling = soleConsumer(of: cast.output(0)), scaling.op is Mul, let factor = cast.otherInput(of: scaling),
            let left = scale(ofCodes: node.input(0)), let right = scale(ofCodes: node.input(1)), isProduct(factor, left, right)
        else { return nil }
        var edit = GraphEdit(replacing: [node.name, cast.name, scaling.name], with: [])
        let operands = [(0, left), (1, right)].map { place, scale in
            let real = graph.freshValueName("\(node.name).operand\(place)")
            let inputs = [node.inputs[place], scale] + (node.input(2 + place).map { [$0] } ?? [])
            edit.addedNodes.append(Node(name: real, op: DequantizeLinear(), inputs: inputs, outputs: [real]))
            return real
        }
        edit.addedNodes.append(Node(name: node.name, op: op, inputs: operands, outputs: scaling.outputs))
        return edit
    }

    /// The scale, one number, under which a node makes codes.
    private func scale(ofCodes codes: ValueName?) -> ValueName? {
        guard let maker = producer(of: codes) else { return nil }
        let scale = maker.op is DynamicQuantizeLinear ? maker.output(1) : maker.op is QuantizeLinear ? maker.input(1) : nil
        return info(of: scale)?.shape?.elementCount == 1 ? scale : nil
    }

    private func isProduct(_ value: ValueName, _ a: ValueName, _ b: ValueName) -> Bool {
        if let product = producer(of: value) { return product.op is Mul && product.inputs.sorted() == [a, b].sorted() }
        guard let number = constant(value), number.elementCount == 1, let a = constant(a)?.floats().first, let b = constant(b)?.floats().first
        else { return false }
        return number.floats()[0] == a * b
    }
}
