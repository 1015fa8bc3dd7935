package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// The adjoint of a convolution: (N, C, spatial…) with a filter (C, O / groups, spatial…) and an optional bias (O).
package struct ConvTranspose: Operator, ChannelContraction {
    package static let type = OperatorType("ConvTranspose")
    package static let maximumInputCount = 3

    package var window: Window
    package var groups: Int
    package var outputPadding: [Int]?
    /// The spatial extents wanted; pads follow from them.
    package var outputShape: [Int]?

    package init(window: Window = Window(), groups: Int = 1, outputPadding: [Int]? = nil, outputShape: [Int]? = nil) {
        self.window = window
        self.groups = groups
        self.outputPadding = outputPadding
        self.outputShape = outputShape
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            window: try Window(attributes: attributes), groups: try attributes.int("group", default: 1),
            outputPadding: try attributes.ints("output_padding"), outputShape: try attributes.ints("output_shape"))
        guard groups > 0 else { throw WinnowError(.model, "group", "is \(groups), but must be positive") }
    }

    package var attributes: Attributes {
        var result = window.attributes
        if groups != 1 { result["group"] = .int(groups) }
        if let outputPadding { result["output_padding"] = .ints(outputPadding) }
        if let outputShape { result["output_shape"] = .ints(outputShape) }
        return result
    }

    package var quantization: QuantizationRule { .contraction }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .channelsLast(inputs: [0], outputs: [0]) }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let (source, filter) = (try inputs.required(0), try inputs.required(1))
        guard let extents = filter.extents, extents.count >= 3, source.extents.map({ $0.count == extents.count }) ?? true else {
            if filter.extents == nil {
                return [ValueInfo(source.elementType, source.extents.map { $0.map { _ in .unknown } })]
            }
            throw WinnowError(.shape, "input \(source.type)", "does not fit filter \(filter.type)")
        }
        let channels = extents[1].value.map { Extent.fixed($0 *| groups) } ?? .unknown
        try checkLists(rank: extents.count - 2)
        let taps = extents.dropFirst(2).compactMap(\.value)
        guard let own = source.extents, taps.count == extents.count - 2 else {
            return [ValueInfo(source.elementType, [source.extents?[0] ?? .unknown, channels] + extents.dropFirst(2).map { _ in .unknown })]
        }
        let spatial = try own.dropFirst(2).enumerated().map { axis, extent -> Extent in
            guard let extent = extent.value else { return outputShape.map { .fixed($0[axis]) } ?? .unknown }
            let (begin, end) = try padding(axis, source: extent, taps: taps)
            return .fixed((reach(axis, source: extent, taps: taps) +| growth(axis, source: extent, taps: taps)) -| begin -| end)
        }
        return [ValueInfo(source.elementType, [own[0], channels] + spatial)]
    }

    /// The output extent without pads.
    private func reach(_ axis: Int, source: Int, taps: [Int]) -> Int {
        ((window.strides?[axis] ?? 1) *| (source - 1)) +| (outputPadding?[axis] ?? 0)
            +| ((taps[axis] - 1) *| (window.dilations?[axis] ?? 1)) +| 1
    }

    /// How far the wanted extent lies beyond what the window reaches: zeros are put behind.
    private func growth(_ axis: Int, source: Int, taps: [Int]) -> Int {
        guard let wanted = outputShape?[axis] else { return 0 }
        return max(0, wanted -| reach(axis, source: source, taps: taps))
    }

    private func checkLists(rank: Int) throws {
        let lists = [window.strides, window.dilations, outputPadding, outputShape, window.extents]
        guard lists.allSatisfy({ $0?.count ?? rank == rank }), window.pads?.count ?? (2 * rank) == 2 * rank else {
            throw WinnowError(.model, "attributes", "do not have one number for each of \(rank) spatial axes")
        }
    }

    private func padding(_ axis: Int, source: Int, taps: [Int]) throws -> (begin: Int, end: Int) {
        try checkLists(rank: taps.count)
        let rank = taps.count
        let isSame = window.autoPad == .sameUpper || window.autoPad == .sameLower
        guard outputShape != nil || isSame else {
            return window.autoPad == .valid ? (0, 0) : (window.pads?[axis] ?? 0, window.pads?[axis + rank] ?? 0)
        }
        let wanted = outputShape?[axis] ?? source *| (window.strides?[axis] ?? 1)
        let total = max(0, reach(axis, source: source, taps: taps) -| wanted)
        return window.autoPad == .sameUpper ? (total / 2, total - total / 2) : (total - total / 2, total / 2)
    }

    func geometry(source: Shape, filter: Shape) throws -> TransposedConvolutionGeometry {
        guard source.rank == filter.rank, source.rank >= 3 else {
            throw WinnowError(.shape, "transposed convolution", "source \(source) and filter \(filter) differ in rank")
        }
        let taps = Array(filter.dropFirst(2))
        let pads = try taps.indices.map { try padding($0, source: source[$0 + 2], taps: taps) }
        let behind = taps.indices.map { (outputPadding?[$0] ?? 0) + growth($0, source: source[$0 + 2], taps: taps) }
        let window = WindowGeometry(
            taps, strides: window.strides, dilations: window.dilations, padsBegin: pads.map(\.begin), padsEnd: pads.map(\.end))
        return TransposedConvolutionGeometry(
            sourceShape: source, filterShape: filter, window: window, outputPadding: behind, groups: groups)
    }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        try request.checkFloat32()
        let (source, filter) = (try request.input(0), try request.input(1))
        let isConstant = filter.constant != nil
        let convolution = try filter.withConstant { constant in
            try TransposedConvolutionKernel(
                geometry(source: source.shape, filter: filter.shape), request.dataLayouts(), constantFilter: constant,
                hasBias: request.optionalInput(2) != nil, math: request.arithmetic.math)
        }
        return Kernel(scratchByteCount: convolution.scratchByteCount) { operands in
            try convolution.run(
                source: operands.input(0), filter: isConstant ? nil : operands.input(1), bias: operands.optionalInput(2),
                target: operands.output(0), scratch: operands.scratch)
        }
    }

    /// `"niyx, iokl, o -> no.."`, with groups `"n(gi)yx, (gi)okl, (go) -> n(go).."`; y and x are axes of the result too where each of their
    /// places is seen by itself.
    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        guard let rank = inputs.optional(0)?.rank ?? inputs.optional(1)?.rank, (3...5).contains(rank) else { return .opaque }
        let (input, output) = groups == 1 ? ("i", "o") : ("(gi)", "(go)")
        let bias = inputs.count > 2 ? ",\(inputs[2] == nil ? "" : output)" : ""
        let places = "yxz".prefix(rank - 2)
        let pointwise = outputShape == nil ? window.pointwiseAxes(rank: rank - 2, filter: inputs.optional(1)?.taps) : []
        let rest = String(places.enumerated().map { axis, place in
            pointwise.contains(axis) && outputPadding.map { $0.count == rank - 2 && $0[axis] == 0 } ?? true ? place : "."
        })
        return AxisMap(
            "n\(input)\(places),\(input)o\("klm".prefix(rank - 2))\(bias)->n\(output)\(rest)",
            extents: groups == 1 ? [:] : ["g": groups], pinned: "klm" + places.filter { !rest.contains($0) })
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
        let b = context.builder
        let (source, filter, target) = (try context.input(0), try context.input(1), try context.outputGradient())
        guard let sourceShape = context.info(of: source)?.extents, let taps = context.info(of: filter)?.shape else { return nil }
        let adjoint = try adjoint(source: sourceShape, filter: taps)
        var gradients: [ValueName?] = [nil, nil]
        if context.needs(0) { gradients[0] = try b.add(adjoint, target, filter) }
        if context.needs(1) {
            gradients[1] = try b.add(
                ConvGradientWeights(convolution: adjoint), target, source, b.shape(of: filter))
        }
        guard context.node.inputs.count > 2 else { return gradients }
        let axes = [0] + Array(2..<sourceShape.count)
        let list = b.constant("axes", Tensor(axes.map { Int64($0) }))
        return gradients + [context.needs(2) ? try b.add(ReduceSum(axes: nil, keepsAxes: false), target, list) : nil]
    }

    /// The convolution that maps the target's gradient to the source's.
    private func adjoint(source: [Extent], filter: Shape) throws -> Conv {
        let taps = Array(filter.dropFirst(2))
        let isExplicit = outputShape == nil && window.autoPad == .explicit
        let pads = try taps.indices.map { axis in
            guard let extent = source[axis + 2].value ?? (isExplicit ? 1 : nil) else {
                throw WinnowError(.unsupported, "auto_pad", "its gradient needs fixed spatial extents")
            }
            return try padding(axis, source: extent, taps: taps)
        }
        let ends = pads.indices.map { axis in
            pads[axis].end - (outputPadding?[axis] ?? 0) - growth(axis, source: source[axis + 2].value ?? 1, taps: taps)
        }
        return Conv(
            window: Window(strides: window.strides, dilations: window.dilations, pads: pads.map(\.begin) + ends), groups: groups)
    }

    package func channelAxes(of node: Node, in graph: GraphIndex) -> (filter: Int, output: Int)? { (1, 1) }

    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        try foldingAffine(of: node, in: graph)
    }
}
