package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// activation(convolution(X, W) + B + Z); Z has the shape of the output.
package struct FusedConv: TrainedInParts {
    package static let type = OperatorType("FusedConv", domain: "com.microsoft")
    package static let maximumInputCount = 4

    package var convolution: Conv
    package var activation: Activation?

    package init(convolution: Conv, activation: Activation? = nil) {
        self.convolution = convolution
        self.activation = activation
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            convolution: try Conv(attributes: attributes, version: version),
            activation: try Activation(attributes: attributes))
    }

    package var attributes: Attributes {
        var result = convolution.attributes
        activation?.add(to: &result)
        return result
    }

    package var quantization: QuantizationRule { .contraction }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .channelsLast(inputs: [0, 3], outputs: [0]) }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] { try convolution.outputs(for: inputs) }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { convolution.axes(for: inputs) }

    package func resized(_ extents: [Character: Int], for inputs: [ValueInfo?]) -> (any Operator)? {
        extents["g"].map {
            var result = self
            result.convolution.groups = $0
            return result
        }
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        var steps: [Epilogue.Step] = request.optionalInput(3) == nil ? [] : [.addResidual()]
        if let activation { steps.append(activation.step) }
        return try convolution.kernel(for: request, epilogue: Epilogue(steps))
    }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        var y = try b.add(convolution, inputs: Array(inputs.prefix(3)))[0]
        if let residual = inputs.present(3) { y = try b.add(y, residual) }
        return [try activation.map { try b.add($0, to: y) } ?? y]
    }

    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        guard activation == nil, let consumer = graph.soleConsumer(of: node.output(0)) else { return nil }
        if let operation = consumer.op as? any ActivationOperator, consumer.input(0) == node.output(0),
            let activation = operation.activation(of: consumer, in: graph)
        {
            let fused = FusedConv(convolution: convolution, activation: activation)
            return GraphEdit(replacing: node, and: consumer, by: fused, node.inputs)
        }
        guard consumer.op is Add, let term = node.otherInput(of: consumer) else { return nil }
        guard node.input(3) == nil, graph.haveSameShape(term, consumer.output(0)),
            graph.haveSameShape(node.output(0), consumer.output(0))
        else { return nil }
        return GraphEdit(replacing: node, and: consumer, by: self, node.inputs.padded(to: 3) + [term])
    }
}

extension Node {
    /// The other operand of a two-operand reader of this node's first output.
    func otherInput(of consumer: Node) -> ValueName? {
        guard consumer.inputs.count == 2, let own = output(0) else { return nil }
        return consumer.inputs[0] == own ? consumer.inputs[1] : consumer.inputs[0]
    }
}

extension GraphIndex {
    /// Whether two values certainly have the same float32 shape.
    func haveSameShape(_ a: ValueName?, _ b: ValueName?) -> Bool {
        guard let a = info(of: a), let b = info(of: b), let extents = a.extents, a.elementType == b.elementType else {
            return false
        }
        return extents == b.extents && !extents.contains(.unknown)
    }
}
