package import WinnowGraph
package import WinnowKernels
import WinnowTensor

/// The sum of two tensors of 8-bit codes in codes, with a ReLU if asked: what DequantizeLinear → Add → QuantizeLinear
/// becomes when planned.
package struct QuantizedAdd: Operator {
    package static let type = OperatorType("QuantizedAdd", domain: "winnow")

    package var left: AffineEncoding
    package var right: AffineEncoding
    package var target: AffineEncoding
    package var clipsAtZero: Bool

    package init(left: AffineEncoding, right: AffineEncoding, target: AffineEncoding, clipsAtZero: Bool = false) {
        self.left = left
        self.right = right
        self.target = target
        self.clipsAtZero = clipsAtZero
    }

    package init(attributes: Attributes, version: Int) throws {
        guard let left = try AffineEncoding("left", in: attributes), let right = try AffineEncoding("right", in: attributes),
            let target = try AffineEncoding("target", in: attributes)
        else { throw WinnowError(.model, "encodings", "are missing") }
        self.init(left: left, right: right, target: target, clipsAtZero: try attributes.flag("relu", default: false))
    }

    package var attributes: Attributes {
        var attributes: Attributes = ["relu": .int(clipsAtZero ? 1 : 0)]
        for (prefix, encoding) in [("left", left), ("right", right), ("target", target)] {
            for (name, value) in encoding.attributes(prefix) { attributes[name] = value }
        }
        return attributes
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .shared }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        guard try inputs.required(0).type.extents == inputs.required(1).type.extents else {
            throw WinnowError(.shape, "inputs", "differ in shape")
        }
        return [ValueInfo(target.elementType, try inputs.required(0).extents)]
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let count = try request.input(0).shape.elementCount
        let sum = try QuantizedAddKernel(left, right, to: target, clipsAtZero: clipsAtZero)
        return Kernel(placement: .mayOverwrite([0, 1])) { operands in
            sum.run(
                operands.input(0, as: UInt8.self), operands.input(1, as: UInt8.self),
                to: operands.output(0, as: UInt8.self), count: count)
        }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let rank = inputs.optional(0)?.rank else { return .opaque }
        return .elementwise(inputs: inputs, outputRank: rank)
    }
}

extension QuantizeLinear {
    /// An edit that adds codes instead of numbers, and clips them if a ReLU follows.
    func addition(before node: Node, to target: AffineEncoding, in graph: GraphIndex) -> GraphEdit? {
        var sum = graph.producer(of: node.input(0))
        let clips = sum?.op is Relu
        if clips, graph.soleConsumer(of: node.input(0)) != nil { sum = graph.producer(of: sum?.input(0)) }
        guard let sum, sum.op is Add, graph.soleConsumer(of: sum.output(0)) != nil,
            let left = graph.dequantization(of: sum.input(0)), let right = graph.dequantization(of: sum.input(1)),
            graph.constant(left.codes) == nil, graph.constant(right.codes) == nil,
            graph.haveSameShape(sum.input(0), sum.input(1))
        else { return nil }
        let op = QuantizedAdd(left: left.encoding, right: right.encoding, target: target, clipsAtZero: clips)
        return GraphEdit(
            replacing: [node.name],
            with: [Node(name: node.name, op: op, inputs: [left.codes, right.codes], outputs: node.outputs)])
    }
}
