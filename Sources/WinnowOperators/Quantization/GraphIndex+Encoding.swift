import WinnowGraph
import WinnowKernels
import WinnowTensor

extension GraphIndex {
    /// How the 8-bit codes of a QuantizeLinear or DequantizeLinear stand for numbers; nil unless one constant scale and zero
    /// point serve all of them.
    func encoding(of node: Node) -> AffineEncoding? {
        let codes: ValueName?
        switch node.op {
        case let op as QuantizeLinear where op.scaleAxis.blockSize == 0: codes = node.output(0)
        case let op as DequantizeLinear where op.scaleAxis.blockSize == 0: codes = node.input(0)
        default: return nil
        }
        guard let type = info(of: codes)?.elementType, type == .uint8 || type == .int8,
            let scale = constant(node.input(1)), scale.elementCount == 1, scale.elementType == .float32
        else { return nil }
        guard let name = node.input(2) else { return AffineEncoding(type, scale: scale.floats()[0]) }
        guard let zeroPoint = constant(name), zeroPoint.elementCount == 1 else { return nil }
        return AffineEncoding(type, scale: scale.floats()[0], zeroPoint: Int32(clamping: zeroPoint.integers()[0]))
    }

    /// The DequantizeLinear that makes a value of 8-bit codes under one encoding.
    func dequantization(of value: ValueName?) -> (node: Node, codes: ValueName, encoding: AffineEncoding)? {
        guard let node = producer(of: value), node.op is DequantizeLinear, let codes = node.input(0),
            let encoding = encoding(of: node)
        else { return nil }
        return (node, codes, encoding)
    }

    /// The QuantizeLinear to 8-bit codes under one encoding that alone reads a value.
    func soleQuantization(of value: ValueName?) -> (node: Node, encoding: AffineEncoding)? {
        guard let node = soleConsumer(of: value), node.op is QuantizeLinear, node.input(0) == value,
            let encoding = encoding(of: node)
        else { return nil }
        return (node, encoding)
    }

    /// A constant, or what a DequantizeLinear makes of constants.
    func floatConstant(_ value: ValueName?) throws -> Tensor? {
        if let tensor = constant(value) { return tensor.elementType == .float32 ? tensor : nil }
        guard let node = producer(of: value), node.op is DequantizeLinear else { return nil }
        let inputs = node.inputs.map { constant(Optional($0)) }
        guard zip(node.inputs, inputs).allSatisfy({ $0.isEmpty || $1 != nil }), let codes = inputs[0] else { return nil }
        let result = Tensor(zeros: codes.shape)
        try node.op.kernel(
            for: KernelRequest(
                nodeName: node.name,
                inputs: inputs.map { tensor in
                    tensor.map { OperandPlan(shape: $0.shape, elementType: $0.elementType, constant: $0) }
                }, outputs: [OperandPlan(shape: codes.shape, elementType: .float32)])
        ).runOnce(inputs, [result])
        return result
    }
}

extension AffineEncoding {
    /// The real numbers of the smallest and largest code.
    var realRange: ClosedRange<Float> {
        let codes = elementType.integerRange ?? 0...0
        return (scale * Float(codes.lowerBound - Int(zeroPoint)))...(scale * Float(codes.upperBound - Int(zeroPoint)))
    }

    /// The attributes in which plan-time operators keep an encoding.
    func attributes(_ prefix: String) -> [String: Attribute] {
        [
            "\(prefix)_type": .int(elementType.rawValue), "\(prefix)_scale": .float(scale),
            "\(prefix)_zero_point": .int(Int(zeroPoint)),
        ]
    }

    init?(_ prefix: String, in attributes: Attributes) throws {
        guard let code = try attributes.int("\(prefix)_type"), let type = ElementType(rawValue: code) else { return nil }
        self.init(
            type, scale: try attributes.float("\(prefix)_scale", default: 1),
            zeroPoint: Int32(clamping: try attributes.int("\(prefix)_zero_point", default: 0)))
    }
}
