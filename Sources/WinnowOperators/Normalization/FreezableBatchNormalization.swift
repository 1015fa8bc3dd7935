package import WinnowGraph

/// BatchNormalization in a model that is trained, whose training form takes the batch's own statistics until a number says otherwise.
///
/// Inputs: those of BatchNormalization, then a number, float32: 0, or anything else where training keeps the running statistics and
/// normalizes by them. Outside training it is BatchNormalization.
package struct FreezableBatchNormalization: Operator {
    package static let type = OperatorType("FreezableBatchNormalization", domain: "winnow")
    package static let maximumInputCount = 6

    package var plain: BatchNormalization

    package init(_ plain: BatchNormalization) { self.plain = plain }

    package init(attributes: Attributes, version: Int) throws {
        self.init(try BatchNormalization(attributes: attributes, version: 15))
    }

    package var attributes: Attributes { plain.attributes }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        _ = try inputs.required(5)
        return Array(try plain.outputs(for: Array(inputs.prefix(5))).prefix(1))
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { plain.layouts(for: inputs) }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        for place in 0..<6 { try request.input(place).requireFloat32(request.nodeName) }
        var own = request
        own.inputs = Array(request.inputs.prefix(5))
        return try plain.kernel(for: own)
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { plain.axes(for: Array(inputs.prefix(5))).withUnlabelledInput }
    package func effect(of zeros: Zeros) -> ZeroEffect { plain.effect(of: zeros) }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? { try plain.gradient(context).map { $0 + [nil] } }

    package func trainingForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        try plain.trainingForm(of: node, in: graph)
    }
}

extension AxisMap {
    /// The same with one more input, a single number.
    var withUnlabelledInput: AxisMap { isOpaque ? self : AxisMap(inputs: inputs + [[]], outputs: outputs, pinned: pinned) }
}
