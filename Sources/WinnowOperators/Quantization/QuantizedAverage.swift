package import WinnowGraph
package import WinnowKernels
import WinnowTensor

/// The mean of f(x) over all spatial axes of 8-bit codes x, in float32 or codes: what DequantizeLinear (→ f) →
/// GlobalAveragePool (→ QuantizeLinear) becomes when planned.
package struct QuantizedAverage: Operator {
    package static let type = OperatorType("QuantizedAverage", domain: "winnow")

    package var source: AffineEncoding
    package var activation: Activation?
    /// nil: the result is float32.
    package var target: AffineEncoding?

    package init(source: AffineEncoding, activation: Activation? = nil, target: AffineEncoding? = nil) {
        self.source = source
        self.activation = activation
        self.target = target
    }

    package init(attributes: Attributes, version: Int) throws {
        guard let source = try AffineEncoding("source", in: attributes) else { throw WinnowError(.model, "source_type", "is missing") }
        self.init(
            source: source, activation: try Activation(attributes: attributes), target: try AffineEncoding("target", in: attributes))
    }

    package var attributes: Attributes {
        var attributes: Attributes = [:]
        for (name, value) in source.attributes("source") { attributes[name] = value }
        for (name, value) in target?.attributes("target") ?? [:] { attributes[name] = value }
        activation?.add(to: &attributes)
        return attributes
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .channelsLast(inputs: [0], outputs: [0]) }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let pooled = try GlobalAveragePool().outputs(for: [inputs.required(0)])[0]
        return [ValueInfo(target?.elementType ?? .float32, pooled.extents)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let mean = try QuantizedAverageKernel(request.input(0).shape, source, activation: activation?.step, to: target)
        return Kernel(scratchByteCount: mean.scratchByteCount) { operands in
            guard let scratch = operands.scratch else { return }
            mean.run(operands.input(0), to: operands.output(0), scratch: scratch)
        }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { GlobalAveragePool().axes(for: inputs) }
}

extension GlobalAveragePool {
    /// The mean of dequantized codes reads the codes.
    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        guard let source = graph.activatedCodes(of: node.input(0)) else { return nil }
        let op = QuantizedAverage(source: source.encoding, activation: source.activation)
        return GraphEdit(
            replacing: [node.name], with: [Node(name: node.name, op: op, inputs: [source.codes], outputs: node.outputs)])
    }
}

extension GraphIndex {
    /// An edit that makes a mean give codes where a QuantizeLinear alone reads it.
    func quantizingAverage(before node: Node, to target: AffineEncoding) -> GraphEdit? {
        guard let mean = producer(of: node.input(0)), var op = mean.op as? QuantizedAverage, op.target == nil,
            soleConsumer(of: node.input(0)) != nil
        else { return nil }
        op.target = target
        return GraphEdit(
            replacing: [mean.name, node.name], with: [Node(name: mean.name, op: op, inputs: mean.inputs, outputs: node.outputs)])
    }
}
