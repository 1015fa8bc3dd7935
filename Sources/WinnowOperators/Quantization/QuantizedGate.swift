package import WinnowGraph
package import WinnowKernels
import WinnowTensor

/// Codes of f(x) · gate, with codes x and one real number for each image and channel: how squeeze-and-excitation, and what
/// stands before it, is planned between DequantizeLinear and QuantizeLinear.
package struct QuantizedGate: Operator {
    package static let type = OperatorType("QuantizedGate", domain: "winnow")

    package var source: AffineEncoding
    package var activation: Activation?
    package var target: AffineEncoding

    package init(source: AffineEncoding, activation: Activation? = nil, target: AffineEncoding) {
        self.source = source
        self.activation = activation
        self.target = target
    }

    package init(attributes: Attributes, version: Int) throws {
        guard let source = try AffineEncoding("source", in: attributes), let target = try AffineEncoding("target", in: attributes)
        else { throw WinnowError(.model, "encodings", "are missing") }
        self.init(source: source, activation: try Activation(attributes: attributes), target: target)
    }

    package var attributes: Attributes {
        var attributes: Attributes = [:]
        for (prefix, encoding) in [("source", source), ("target", target)] {
            for (name, value) in encoding.attributes(prefix) { attributes[name] = value }
        }
        activation?.add(to: &attributes)
        return attributes
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .channelsLast(inputs: [0, 1], outputs: [0]) }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let (data, gate) = (try inputs.required(0), try inputs.required(1))
        guard gate.elementType == .float32, gate.rank == data.rank else { throw WinnowError(.shape, "gate \(gate.type)", "does not fit \(data.type)") }
        return [ValueInfo(target.elementType, data.extents)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let (shape, gate) = (try request.input(0).shape, try request.input(1).shape)
        guard gate.prefix(2).elementsEqual(shape.prefix(2)), gate.dropFirst(2).allSatisfy({ $0 == 1 }) else {
            throw WinnowError(.shape, request.nodeName, "its gate \(gate) does not fit \(shape)")
        }
        let product = try QuantizedGateKernel(shape, source, activation: activation?.step, to: target)
        return Kernel(scratchByteCount: product.scratchByteCount) { operands in
            guard let scratch = operands.scratch else { return }
            product.run(
                operands.input(0), gate: operands.input(1, as: Float.self), to: operands.output(0, as: UInt8.self), scratch: scratch)
        }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let rank = inputs.optional(0)?.rank else { return .opaque }
        return .elementwise(inputs: inputs, outputRank: rank)
    }
}

extension QuantizeLinear {
    /// An edit that multiplies codes by one number for each image and channel.
    func gating(before node: Node, to target: AffineEncoding, in graph: GraphIndex) -> GraphEdit? {
        guard let product = graph.producer(of: node.input(0)), product.op is Mul, graph.soleConsumer(of: node.input(0)) != nil,
            let extents = graph.info(of: node.input(0))?.extents, extents.count > 2, !extents.prefix(2).contains(.unknown)
        else { return nil }
        for (x, gate) in [(product.inputs[0], product.inputs[1]), (product.inputs[1], product.inputs[0])] {
            guard graph.info(of: x)?.extents == extents, let factors = graph.info(of: gate)?.extents, factors.count == extents.count,
                factors.prefix(2) == extents.prefix(2), factors.dropFirst(2).allSatisfy({ $0 == .fixed(1) }),
                let source = graph.activatedCodes(of: x)
            else { continue }
            let op = QuantizedGate(source: source.encoding, activation: source.activation, target: target)
            return GraphEdit(
                replacing: [node.name], with: [Node(name: node.name, op: op, inputs: [source.codes, gate], outputs: node.outputs)])
        }
        return nil
    }
}

extension GraphIndex {
    /// The codes that a value is dequantized from, and the function applied to them if there is one that kernels know.
    func activatedCodes(of value: ValueName?) -> (codes: ValueName, encoding: AffineEncoding, activation: Activation?)? {
        if let source = dequantization(of: value) { return constant(source.codes) == nil ? (source.codes, source.encoding, nil) : nil }
        guard let node = producer(of: value), let activation = (node.op as? any ActivationOperator)?.activation(of: node, in: self),
            let source = dequantization(of: node.input(0)), constant(source.codes) == nil
        else { return nil }
        switch activation {
        case .relu, .hardSwish, .swish: return (source.codes, source.encoding, activation)
        default: return nil
        }
    }
}
