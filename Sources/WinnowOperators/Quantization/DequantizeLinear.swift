package import WinnowGraph
import WinnowKernels
package import WinnowTensor

/// The real numbers behind codes: (code − zero point) · scale.
package struct DequantizeLinear: Operator {
    package static let type = OperatorType("DequantizeLinear")
    package static let maximumInputCount = 3
    package static var typeAttributes: Set<String> { ["output_dtype"] }

    /// Whether it is that of ONNX Runtime's own domain, which knows every type of codes.
    package var isContributed = false
    package var type: OperatorType { isContributed ? ContributedDequantizeLinear.type : Self.type }

    package var inputRoles: [Int: OperandRole] { [0: .numbers, 1: .scale, 2: .zeroPoint(of: 0, axis: scaleAxis.axis ?? 1)] }
    package var float32Inputs: Set<Int> { [1] }

    package var scaleAxis: ScaleAxis
    /// The type of the result where it is not the scale's.
    package var numberType: ElementType?

    package init(axis: Int? = nil, blockSize: Int = 0) { scaleAxis = ScaleAxis(axis: axis, blockSize: blockSize) }

    package init(attributes: Attributes, version: Int) throws {
        scaleAxis = try ScaleAxis(attributes: attributes)
        let type = try attributes.int("output_dtype", default: 0)
        numberType = type == 0 ? nil : ElementType(rawValue: type)
    }

    package var attributes: Attributes {
        var attributes = scaleAxis.attributes
        if let numberType { attributes["output_dtype"] = .int(numberType.rawValue) }
        return attributes
    }

    /// Of probabilities that were rounded to codes.
    package func probabilities(of node: Node, in graph: GraphIndex) -> Probabilities? {
        graph.producer(of: node.input(0)).flatMap { $0.op is QuantizeLinear ? graph.probabilities(of: $0.input(0)) : nil }
    }

    package var minimumVersion: Int { isContributed ? 1 : numberType == nil ? scaleAxis.minimumVersion : 23 }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        let info = ValueInfo(try numberType ?? inputs.required(1).elementType, data.extents)
        return try evaluatingConstants([info], of: inputs)
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule {
        (inputs.optional(0)?.elementType.bitWidth ?? 8) < 8 || scaleAxis.blockSize != 0 ? .rowMajor : .shared
    }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        let data = try request.input(0)
        guard request.outputs[0].elementType == .float32 else {
            throw WinnowError(.unsupported, request.nodeName, "dequantizes to float32 only, not \(request.outputs[0].elementType)")
        }
        let parameters = try AffineOperands(request)
        let dequantize = try DequantizeKernel(
            from: data.elementType, scaleAxis.geometry(data, scale: request.input(1).shape))
        return Kernel(scratchByteCount: parameters.scratchByteCount) { operands in
            parameters.withPointers(operands) { dequantize.run(operands.input(0), $0, to: operands.output(0, as: Float.self)) }
        }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { scaleAxis.axes(for: inputs, scaleInput: 1) }
    package func effect(of zeros: Zeros) -> ZeroEffect { zeros.are(at: 0) || zeros.are(at: 1) ? .zero : .number }

    /// Codes count as numbers: dy·scale to them, Σ dy·(code − zero point) to the scale.
    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let builder = context.builder
        let (codes, scale, dy) = (try context.input(0), try context.input(1), try context.outputGradient())
        guard let rank = context.info(of: codes)?.rank, let type = context.info(of: scale)?.elementType else { return nil }
        let wide = try scaleAxis.broadcastable(scale, rank: rank, builder)
        var gradients = context.node.inputs.map { _ -> ValueName? in nil }
        if context.needs(0) { gradients[0] = try builder.add(Mul(), dy, wide) }
        if context.needs(1) {
            var steps = try builder.add(Cast(to: type), codes)
            if let zeroPoint = context.node.input(2) {
                let wideZero = try scaleAxis.broadcastable(builder.add(Cast(to: type), zeroPoint), rank: rank, builder)
                steps = try builder.add(Sub(), steps, wideZero)
            }
            gradients[1] = try scaleAxis.summed(builder.add(Mul(), dy, steps), like: wide, scale, builder)
        }
        return gradients
    }

    /// A QuantizeLinear before it that shares scale and zero point becomes one FakeQuantize with it.
    package func trainingForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        guard let source = graph.producer(of: node.input(0)), let quantize = source.op as? QuantizeLinear,
            quantize.scaleAxis == scaleAxis, scaleAxis.blockSize == 0, source.input(1) == node.input(1),
            source.input(2) == node.input(2), let data = source.input(0), let scale = source.input(1),
            graph.info(of: data)?.elementType == .float32,
            let range = graph.info(of: source.output(0))?.elementType.integerRange
        else { return nil }
        let encoding = graph.producer(of: source.input(2))
        let learned = encoding.flatMap { node in (node.op as? any LearnedEncoding)?.learned(by: node) } ?? []
        let fused = Node(
            name: node.name, op: FakeQuantize(range: range, axis: scaleAxis.axis),
            inputs: [data, scale, source.input(2) ?? ""] + learned, outputs: node.outputs)
        let isLast = graph.soleConsumer(of: source.output(0)) != nil
        return GraphEdit(replacing: isLast ? [node.name, source.name] : [node.name], with: [fused])
    }
}
