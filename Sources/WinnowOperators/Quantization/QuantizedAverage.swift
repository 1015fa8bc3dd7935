package import WinnowGraph
package import WinnowKernels
import WinnowTensor

/// The mean of 8-bit codes over all spatial axes, in float32 or codes: what DequantizeLinear → GlobalAveragePool
/// (→ QuantizeLinear) becomes when planned.
package struct QuantizedAverage: Operator {
    package static let type = OperatorType("QuantizedAverage", domain: "winnow")

    package var source: AffineEncoding
    /// nil: the result is float32.
    package var target: AffineEncoding?

    package init(source: AffineEncoding, target: AffineEncoding? = nil) {
        self.source = source
        self.target = target
    }

    package init(attributes: Attributes, version: Int) throws {
        guard let source = try AffineEncoding("source", in: attributes) else { throw WinnowError(.model, "source_type", "is missing") }
        self.init(source: source, target: try AffineEncoding("target", in: attributes))
    }

    package var attributes: Attributes {
        var attributes: Attributes = [:]
        for (name, value) in source.attributes("source") { attributes[name] = value }
        for (name, value) in target?.attributes("target") ?? [:] { attributes[name] = value }
        return attributes
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .channelsLast(inputs: [0], outputs: [0]) }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let pooled = try GlobalAveragePool().outputs(for: [inputs.required(0)])[0]
        return [ValueInfo(target?.elementType ?? .float32, pooled.extents)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let mean = try QuantizedAverageKernel(request.input(0).shape, source, to: target)
        return Kernel(scratchByteCount: mean.scratchByteCount) { operands in
            guard let scratch = operands.scratch else { return }
            mean.run(operands.input(0), to: operands.output(0), scratch: scratch)
        }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { GlobalAveragePool().axes(for: inputs) }
}

extension GraphIndex {
    /// An edit that averages the codes behind `value` instead of the numbers; nil unless `reader` averages them.
    func averaging(_ reader: Node, codes: ValueName, _ encoding: AffineEncoding) -> GraphEdit? {
        guard reader.op is GlobalAveragePool else { return nil }
        let op = QuantizedAverage(source: encoding)
        return GraphEdit(
            replacing: [reader.name], with: [Node(name: reader.name, op: op, inputs: [codes], outputs: reader.outputs)])
    }

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
