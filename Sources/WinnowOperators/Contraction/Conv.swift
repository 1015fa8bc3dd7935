package import WinnowGraph
package import WinnowKernels
package import WinnowTensor

/// Convolution of (N, C, spatial…) with a filter (O, C / groups, spatial…) and an optional bias (O).
package struct Conv: Operator {
    package static let type = OperatorType("Conv")
    package static let maximumInputCount = 3

    package var window: Window
    package var groups: Int

    package init(window: Window = Window(), groups: Int = 1) {
        self.window = window
        self.groups = groups
    }

    /// A convolution with the same stride and padding along `rank` spatial axes.
    package init(stride: Int, padding: Int, groups: Int = 1, rank: Int = 2) {
        self.init(
            window: Window(
                strides: [Int](repeating: stride, count: rank), pads: [Int](repeating: padding, count: 2 * rank)),
            groups: groups)
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(window: try Window(attributes: attributes), groups: try attributes.int("group", default: 1))
        guard groups > 0 else { throw WinnowError(.model, "group", "is \(groups), but must be positive") }
    }

    package var attributes: Attributes {
        var result = window.attributes
        if groups != 1 { result["group"] = .int(groups) }
        return result
    }

    package var quantization: QuantizationRule { .contraction }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .channelsLast(inputs: [0], outputs: [0]) }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let source = try inputs.required(0)
        let filter = try inputs.required(1)
        guard let filterExtents = filter.extents else {
            return [ValueInfo(source.elementType, source.extents.map { $0.map { _ in .unknown } })]
        }
        guard filterExtents.count >= 3, source.extents.map({ $0.count == filterExtents.count }) ?? true else {
            throw WinnowError(.shape, "input \(source.type)", "does not fit filter \(filter.type)")
        }
        let spatial = filterExtents.dropFirst(2).compactMap(\.value)
        guard let sourceExtents = source.extents, spatial.count == filterExtents.count - 2 else {
            return [
                ValueInfo(
                    source.elementType, [.unknown, filterExtents[0]] + filterExtents.dropFirst(2).map { _ in .unknown })
            ]
        }
        if let channels = sourceExtents[1].value, let depth = filterExtents[1].value, channels != depth * groups {
            throw WinnowError(
                .shape, "filter \(filter.type)", "needs \(depth * groups) input channels, but the input has \(channels)")
        }
        let extents = try window.outputExtents(source: Array(sourceExtents.dropFirst(2)), filter: spatial)
        return [ValueInfo(source.elementType, [sourceExtents[0], filterExtents[0]] + extents)]
    }

    /// The geometry for fixed shapes.
    package func geometry(source: Shape, filter: Shape) throws -> ConvolutionGeometry {
        guard source.rank == filter.rank, source.rank >= 3 else {
            throw WinnowError(.shape, "convolution", "source \(source) and filter \(filter) differ in rank")
        }
        let window = try window.resolved(source: Array(source.dropFirst(2)), filter: Array(filter.dropFirst(2)))
        return ConvolutionGeometry(sourceShape: source, filterShape: filter, window: window, groups: groups)
    }

    package func kernel(for request: KernelRequest) throws -> Kernel { try kernel(for: request, epilogue: .none) }

    /// The kernel with fused steps; input 3 is their residual.
    func kernel(for request: KernelRequest, epilogue: Epilogue) throws -> Kernel {
        try request.inFloat32 { try floatKernel($0, epilogue) }
    }

    private func floatKernel(_ request: KernelRequest, _ epilogue: Epilogue) throws -> Kernel {
        try request.checkFloat32()
        let source = try request.input(0)
        let filter = try request.input(1)
        let geometry = try geometry(source: source.shape, filter: filter.shape)
        try geometry.validate()
        let layouts = try request.dataLayouts()
        guard layouts.areChannelsLast else { return try denseKernel(request, geometry, layouts, epilogue) }
        return try request.kernel(SparseProduct(geometry), WinogradConvolution(geometry), epilogue) {
            try denseKernel(request, geometry, layouts, epilogue)
        }
    }

    private func denseKernel(
        _ request: KernelRequest, _ geometry: ConvolutionGeometry, _ layouts: OperandLayouts, _ epilogue: Epilogue
    ) throws -> Kernel {
        let filter = try request.input(1)
        let isConstant = filter.constant != nil
        let convolution = try filter.withConstant { constant in
            try ConvolutionKernel(
                geometry, layouts, constantFilter: constant, hasBias: request.optionalInput(2) != nil, epilogue: epilogue,
                math: request.arithmetic.math)
        }
        return Kernel(scratchByteCount: convolution.scratchByteCount) { operands in
            try convolution.run(
                source: operands.input(0), filter: isConstant ? nil : operands.input(1),
                bias: operands.optionalInput(2), residual: operands.optionalInput(3), target: operands.output(0),
                scratch: operands.scratch)
        }
    }

    /// `"ni.., oikl, o -> noyx"`, with groups `"n(gi).., (go)ikl, (go) -> n(go)yx"`; y and x are axes of the source too where each of their
    /// places is seen by itself.
    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let rank = inputs.optional(0)?.rank ?? inputs.optional(1)?.rank, (3...5).contains(rank) else { return .opaque }
        let taps = "klm".prefix(rank - 2)
        let places = "yxz".prefix(rank - 2)
        let pointwise = window.pointwiseAxes(rank: rank - 2, filter: inputs.optional(1)?.taps)
        let rest = String(places.enumerated().map { pointwise.contains($0.offset) ? $0.element : "." })
        let (input, weights, output) = groups == 1 ? ("i", "oi", "o") : ("(gi)", "(go)i", "(go)")
        var operands = ["n\(input)\(rest)", "\(weights)\(taps)"]
        if inputs.count > 2 { operands.append(inputs[2] == nil ? "" : output) }
        let target = "n\(output)\(places)"
        if inputs.count > 3 { operands.append(inputs[3] == nil ? "" : "n\(output)\(rest)") }
        return AxisMap(
            "\(operands.joined(separator: ","))->\(target)", extents: groups == 1 ? [:] : ["g": groups], pinned: String(taps))
    }

    package func resized(_ extents: [Character: Int], for inputs: [ValueInfo?]) -> (any Operator)? {
        extents["g"].map {
            var result = self
            result.groups = $0
            return result
        }
    }

    package func effect(of zeros: Zeros) -> ZeroEffect { zeros.effectOnProduct }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let target = try context.outputGradient()
        let hasBias = context.node.input(2) != nil
        var gradients: [ValueName?] = [nil, nil] + (hasBias ? [nil] : [])
        let (source, filter) = (try context.input(0), try context.input(1))
        if context.needs(0) {
            gradients[0] = try context.builder.add(
                ConvGradientData(convolution: self), target, filter, context.builder.shape(of: source))
        }
        let needsBias = hasBias && context.needs(2)
        if context.needs(1) || needsBias {
            let results = try context.builder.add(
                ConvGradientWeights(convolution: self),
                inputs: [source, target, context.builder.shape(of: filter)], outputs: needsBias ? 2 : 1)
            gradients[1] = results[0]
            if needsBias { gradients[2] = results[1] }
        }
        return gradients
    }

    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        if let folded = try foldingAffine(of: node, in: graph) { return folded }
        return try FusedConv(convolution: self).lowering(of: node, in: graph)
    }
}

extension KernelRequest {
    /// The layouts of the first input and output.
    func dataLayouts() throws -> OperandLayouts { OperandLayouts(source: try input(0).layout, target: outputs[0].layout) }
}

extension GraphBuilder {
    /// A convolution with square-free choices left at their usual values; `bias` may be nil.
    package func conv(
        _ x: ValueName, _ filter: ValueName, _ bias: ValueName? = nil, stride: Int = 1, padding: Int = 0,
        groups: Int = 1, name: String? = nil
    ) throws -> ValueName {
        let rank = max(1, (info(of: filter)?.rank ?? 4) - 2)
        return try add(
            Conv(stride: stride, padding: padding, groups: groups, rank: rank), inputs: [x, filter] + (bias.map { [$0] } ?? []),
            name: name)[0]
    }

    /// The shape of a value as an int64 vector.
    func shape(of value: ValueName) throws -> ValueName { try add(ShapeOf(), value) }
}
