package import WinnowGraph
import WinnowKernels
import WinnowTensor

extension QuantizeLinear {
    /// Quantizing what was dequantized gives the codes back, or looks new ones up in a table of 256, together with
    /// functions of one element in between.
    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        guard let target = graph.encoding(of: node), let output = node.output(0) else { return nil }
        if let twin = twin(of: node, in: graph) { return twin }
        if let sum = addition(before: node, to: target, in: graph) { return sum }
        if let mean = graph.quantizingAverage(before: node, to: target) { return mean }
        if let product = gating(before: node, to: target, in: graph) { return product }
        if let moved = movingAhead(node, in: graph) { return moved }
        var functions: [Node] = []
        var value = node.input(0)
        while let source = graph.producer(of: value), source.op.isElementFunction(of: source, in: graph),
            graph.soleConsumer(of: value) != nil
        {
            functions.insert(source, at: 0)
            value = source.input(0)
        }
        guard let source = graph.codes(of: value), graph.constant(source.codes) == nil else { return nil }
        if functions.isEmpty, source.encoding == target, graph.info(of: source.codes)?.elementType == target.elementType,
            !graph.isOutput(output)
        {
            var edit = GraphEdit()
            edit.removedNodes = [node.name]
            edit.rewired = [output: source.codes]
            return edit
        }
        let type = graph.info(of: source.codes)?.elementType
        let table = try Self.table(from: source.encoding, isBool: type == .bool, through: functions, to: target)
        let name = graph.graph.freshValueName("\(node.name).table")
        var edit = GraphEdit(
            replacing: [node.name],
            with: [Node(name: node.name, op: CodeTable(), inputs: [source.codes, name], outputs: [output])])
        edit.initializers = [(name, table)]
        return edit
    }

    /// `quantize(op(x, …))` as `op(quantize(x), …)` for operators that move or select elements: there are fewer bytes to move.
    private func movingAhead(_ node: Node, in graph: GraphIndex) -> GraphEdit? {
        guard let mover = graph.producer(of: node.input(0)), mover.outputs.count(where: { !$0.isEmpty }) == 1,
            graph.soleConsumer(of: node.input(0)) != nil, let output = node.output(0)
        else { return nil }
        let moved: Int
        switch mover.op {
        case is Concat: moved = mover.inputs.count
        case is MaxPool, is GlobalMaxPool, is Transpose, is Reshape, is Flatten, is Squeeze, is Unsqueeze: moved = 1
        default: return nil
        }
        guard mover.inputs.prefix(moved).allSatisfy({ graph.info(of: $0)?.elementType == .float32 }),
            mover.inputs.prefix(moved).contains(where: { graph.producer(of: $0)?.op is DequantizeLinear == false })
        else { return nil }
        var inputs = mover.inputs
        var quantizers: [Node] = []
        for index in 0..<moved {
            inputs[index] = graph.graph.freshValueName("\(output).part\(index)")
            quantizers.append(
                Node(name: inputs[index], op: self, inputs: [mover.inputs[index]] + node.inputs.dropFirst(), outputs: [inputs[index]]))
        }
        return GraphEdit(
            replacing: [mover.name, node.name],
            with: quantizers + [Node(name: mover.name, op: mover.op, inputs: inputs, outputs: [output])])
    }

    /// An edit that drops this node for an earlier one that computes the same.
    private func twin(of node: Node, in graph: GraphIndex) -> GraphEdit? {
        guard let encoding = graph.encoding(of: node), let output = node.output(0), !graph.isOutput(output),
            let first = graph.consumers(of: node.input(0)).first(where: { other in
                other.op is QuantizeLinear && other.input(0) == node.input(0) && graph.encoding(of: other) == encoding
            }), first.name != node.name, let same = first.output(0)
        else { return nil }
        var edit = GraphEdit()
        edit.removedNodes = [node.name]
        edit.rewired = [output: same]
        return edit
    }

    /// The target code of every source code, indexed by its bits.
    private static func table(
        from source: AffineEncoding, isBool: Bool, through functions: [Node], to target: AffineEncoding
    ) throws -> Tensor {
        let codes = Tensor(codes: (0...255).map { UInt8($0) }, shape: [256], source.elementType)
        var values = Tensor(codes.floats().map { (min($0, isBool ? 1 : 255) - Float(source.zeroPoint)) * source.scale })
        for node in functions {
            let result = Tensor(zeros: [256])
            let request = KernelRequest(
                nodeName: node.name, inputs: [OperandPlan(shape: [256], elementType: .float32)],
                outputs: [OperandPlan(shape: [256], elementType: .float32)])
            try node.op.kernel(for: request).runOnce([values], [result])
            values = result
        }
        let result = Tensor(zeros: [256], target.elementType)
        let quantize = try QuantizeKernel(to: target.elementType, ScaleLayout(perTensor: [256]))
        values.withElements(Float.self) { values in
            guard let base = values.baseAddress else { return }
            target.withEncodings { quantize.run(base, $0, to: result.memory.storage.base + result.memory.byteOffset) }
        }
        return result
    }
}

extension Operator {
    /// Whether the operator computes each output element from one input element and nothing else.
    func isElementFunction(of node: Node, in graph: GraphIndex) -> Bool {
        self is any ElementwiseUnary && node.inputs.count == 1 && graph.info(of: node.input(0))?.elementType == .float32
            && graph.info(of: node.output(0))?.elementType == .float32
    }
}

extension GraphIndex {
    /// The 8-bit codes behind a value of float32 that a DequantizeLinear or a Cast makes of them.
    fileprivate func codes(of value: ValueName?) -> (codes: ValueName, encoding: AffineEncoding)? {
        if let source = dequantization(of: value) { return (source.codes, source.encoding) }
        guard let node = producer(of: value), (node.op as? Cast)?.target == .float32, let codes = node.input(0) else { return nil }
        switch info(of: codes)?.elementType {
        case .bool, .uint8: return (codes, AffineEncoding(.uint8, scale: 1))
        case .int8: return (codes, AffineEncoding(.int8, scale: 1))
        default: return nil
        }
    }
}
