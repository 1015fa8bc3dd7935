import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Finds contractions between dequantized operands and puts integer ones in their place.
enum IntegerLowering {
    /// A contraction as the integer kernels see it.
    private struct Contraction {
        enum Kind { case convolution(Conv), product(MatrixProduct) }
        var kind: Kind
        var activation: Activation?
        var biasFactor: Float = 1

        init?(_ op: any Operator) {
            switch op {
            case let op as Conv: kind = .convolution(op)
            case let op as FusedConv: (kind, activation) = (.convolution(op.convolution), op.activation)
            case let op as MatrixProduct: (kind, activation) = (.product(op), op.activation)
            case is MatMul: kind = .product(MatrixProduct())
            case let op as Gemm: (kind, biasFactor) = (.product(op.product), op.beta)
            default: return nil
            }
        }

        /// The filter axis that becomes the output's channels.
        var channelAxis: Int {
            switch kind {
            case .convolution: 0
            case .product(let product): product.transposesRight ? 0 : 1
            }
        }

        var alpha: Float { if case .product(let product) = kind { product.alpha } else { 1 } }
    }

    /// Codes and what they stand for.
    private struct Source {
        var codes: ValueName
        var encoding: IntegerSource
        /// Names of the scale and the zero point of a dynamic source.
        var parameters: [ValueName] = []

        init?(_ value: ValueName?, in graph: GraphIndex) {
            guard let node = graph.producer(of: value), let op = node.op as? DequantizeLinear, let codes = node.input(0),
                graph.constant(codes) == nil
            else { return nil }
            self.codes = codes
            if let encoding = graph.encoding(of: node) {
                self.encoding = .constant(encoding)
                return
            }
            guard let type = graph.info(of: codes)?.elementType, type == .uint8 || type == .int8, op.scaleAxis.blockSize == 0,
                node.inputs.dropFirst().allSatisfy({ $0.isEmpty || graph.info(of: $0)?.extents?.isEmpty == true })
            else { return nil }
            encoding = .dynamic(type)
            parameters = Array(node.inputs.dropFirst())
        }
    }

    /// The constant operands of a contraction.
    private struct Constants {
        var codes: ValueName
        /// The codes as bytes, where they are stored in fewer bits.
        var widened: Tensor?
        var scales: Tensor
        var zeroPoints: Tensor?
        var bias: Tensor?
    }

    /// The edit that makes a reader of dequantized weights an integer contraction; nil where none fits, or where a reader
    /// still has something to absorb.
    static func edit(forWeights node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        for consumer in graph.consumers(of: node.output(0)) where consumer.input(1) == node.output(0) {
            guard let contraction = Contraction(consumer.op),
                let source = Source(consumer.input(0), in: graph),
                let constants = try constants(node, of: consumer, contraction, in: graph),
                try consumer.op.lowering(of: consumer, in: graph) == nil
            else { continue }
            return edit(consumer, contraction, source, constants, in: graph)
        }
        return nil
    }

    private static func constants(
        _ weights: Node, of consumer: Node, _ contraction: Contraction, in graph: GraphIndex
    ) throws -> Constants? {
        guard let op = weights.op as? DequantizeLinear, let name = weights.input(0), let codes = graph.constant(name),
            codes.elementType.isInteger, codes.elementType.bitWidth <= 8, let scale = graph.constant(weights.input(1)),
            scale.elementType == .float32, op.scaleAxis.blockSize == 0
        else { return nil }
        let axis = contraction.channelAxis
        let zeroPoint = graph.constant(weights.input(2))
        guard weights.input(2) == nil || zeroPoint != nil, codes.rank > axis,
            try op.scaleAxis.varyingAxis(rank: codes.rank, scale: scale.shape).map({ $0 == axis }) ?? true
        else { return nil }
        if case .product = contraction.kind, codes.rank != 2 { return nil }
        let channels = codes.shape[axis]
        var bias: Tensor?
        if let name = consumer.input(2) {
            guard let tensor = try graph.floatConstant(name), tensor.elementCount == channels, tensor.shape.last == channels
            else { return nil }
            bias = Tensor(tensor.floats().map { $0 * contraction.biasFactor })
        }
        let scales = Tensor(scale.floats().map { $0 * contraction.alpha })
        guard scales.elementCount == 1 || scales.elementCount == channels else { return nil }
        let bytes: ElementType = codes.elementType.isSigned ? .int8 : .uint8
        return Constants(
            codes: name, widened: codes.elementType == bytes ? nil : codes.converted(to: bytes), scales: scales,
            zeroPoints: zeroPoint.map { $0.converted(to: bytes).reshaped([$0.elementCount]) }, bias: bias)
    }

    private static func edit(
        _ node: Node, _ contraction: Contraction, _ source: Source, _ constants: Constants, in graph: GraphIndex
    ) -> GraphEdit {
        let quantization = graph.soleQuantization(of: node.output(0))
        let residual = graph.dequantization(of: node.input(3))
        let edges = QuantizedEdges(
            source: source.encoding, residual: residual?.encoding, target: quantization?.encoding,
            activation: contraction.activation)
        let op: any Operator =
            switch contraction.kind {
            case .convolution(let convolution): QuantizedConvolution(convolution: convolution, edges: edges)
            case .product(let product):
                QuantizedMatMul(
                    transposesLeft: product.transposesLeft, transposesRight: product.transposesRight, edges: edges)
            }
        func name(_ part: String) -> ValueName { graph.graph.freshValueName("\(node.name).\(part)") }
        let scales = name("scales")
        var initializers = [(name: scales, tensor: constants.scales)]
        var inputs = [source.codes, constants.codes, scales, "", "", residual?.codes ?? node.input(3) ?? ""]
        if let codes = constants.widened {
            inputs[1] = name("codes")
            initializers.append((inputs[1], codes))
        }
        if let zeroPoints = constants.zeroPoints {
            inputs[3] = name("zero_points")
            initializers.append((inputs[3], zeroPoints))
        }
        if let bias = constants.bias {
            inputs[4] = name("bias")
            initializers.append((inputs[4], bias))
        }
        inputs += source.parameters
        let last = quantization?.node ?? node
        var edit = GraphEdit(
            replacing: quantization.map { [node.name, $0.node.name] } ?? [node.name],
            with: [Node(name: node.name, op: op, inputs: inputs.withoutMissingEnd, outputs: Array(last.outputs.prefix(1)))])
        edit.initializers = initializers
        return edit
    }
}
