package import WinnowGraph
package import WinnowKernels
package import WinnowTensor

/// The mean of each window; pads count as zeros if `countsPads`, else not at all.
package struct AveragePool: Pooling, RuntimeForm {
    package static let type = OperatorType("AveragePool")
    package static let maximumInputCount = 1

    package var window: Window
    package var roundsUp: Bool
    package var countsPads: Bool

    package init(window: Window, roundsUp: Bool = false, countsPads: Bool = false) {
        self.window = window
        self.roundsUp = roundsUp
        self.countsPads = countsPads
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            window: try Window(attributes: attributes), roundsUp: try attributes.flag("ceil_mode", default: false),
            countsPads: try attributes.flag("count_include_pad", default: false))
    }

    package var attributes: Attributes {
        var result = window.attributes
        if roundsUp { result["ceil_mode"] = .int(1) }
        if countsPads { result["count_include_pad"] = .int(1) }
        return result
    }

    package var minimumVersion: Int { window.dilations != nil ? 19 : roundsUp ? 10 : countsPads ? 7 : 1 }
    package var quantization: QuantizationRule { .sharesScale }
    package var passesFactors: Bool { true }
    package var passesShifts: Bool { !countsPads }
    package var kind: PoolingKind { .average(countsPads: countsPads) }

    package func outputExtents(source: [Extent]) throws -> [Extent] {
        try window.outputExtents(source: source, roundsUp: roundsUp)
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { window.axes(for: inputs) }

    package func geometry(source: Shape) throws -> PoolingGeometry {
        try window.poolingGeometry(source: source, roundsUp: roundsUp)
    }

    /// ONNX Runtime's pool of codes has no dilations, not even of 1.
    package func runtimeForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        guard let dilations = window.dilations, dilations.allSatisfy({ $0 == 1 }) else { return nil }
        var plain = self
        plain.window.dilations = nil
        var changed = node
        changed.op = plain
        return GraphEdit(replacing: [node.name], with: [changed])
    }

    /// ONNX Runtime's pool of codes has no dilations, and counts pads of windows that rounding up adds otherwise.
    package var isAnotherOnCodes: Bool {
        let isDilated = window.dilations?.contains { $0 != 1 } ?? false
        return isDilated || roundsUp && countsPads && (window.autoPad != .explicit || window.pads?.contains { $0 > 0 } ?? false)
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let shape = try context.builder.shape(of: context.input(0))
        return [try context.builder.add(AveragePoolGradient(pooling: self), context.outputGradient(), shape)]
    }
}
