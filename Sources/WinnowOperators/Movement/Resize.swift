package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// A value enlarged or shrunk along its axes by scales or to sizes.
///
/// Inputs: data, region, scales, sizes; at version 10 data and scales.
package struct Resize: RuntimeForm {
    package static let type = OperatorType("Resize")
    package static let maximumInputCount = 4

    package var inputRoles: [Int: OperandRole] { [1: .setting, 2: .setting, 3: .setting] }
    package var float32Inputs: Set<Int> { [hasOldInputs ? 1 : 2] }

    package var resampling: Resampling
    /// The axes that scales and sizes are given for; nil is all.
    package var axes: [Int]?
    /// Whether sizes are bounds within which all axes keep one scale.
    package var aspect: AspectRatio = .stretch
    /// Whether scales are input 1, as at version 10.
    package var hasOldInputs: Bool

    package enum AspectRatio: String, Sendable {
        case stretch
        case notLarger = "not_larger"
        case notSmaller = "not_smaller"
    }

    package init(_ resampling: Resampling = Resampling(), axes: [Int]? = nil) {
        self.resampling = resampling
        self.axes = axes
        hasOldInputs = false
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(try Resampling(attributes: attributes), axes: try attributes.ints("axes"))
        let policy = try attributes.string("keep_aspect_ratio_policy", default: "stretch")
        guard let aspect = AspectRatio(rawValue: policy) else {
            throw WinnowError(.model, "keep_aspect_ratio_policy", "\(policy) is not known")
        }
        self.aspect = aspect
        hasOldInputs = version < 11
        if hasOldInputs {
            resampling.coordinates = .asymmetric
            resampling.rounding = .inward
        }
    }

    package var attributes: Attributes {
        if hasOldInputs { return ["mode": .string(resampling.mode.rawValue)] }
        var attributes = resampling.attributes
        if let axes { attributes["axes"] = .ints(axes) }
        if aspect != .stretch { attributes["keep_aspect_ratio_policy"] = .string(aspect.rawValue) }
        return attributes
    }

    package var minimumVersion: Int {
        if hasOldInputs { return 10 }
        if resampling.coordinates == .halfPixelSymmetric { return 19 }
        return axes == nil && !resampling.smooths && aspect == .stretch ? 11 : 18
    }

    /// Before operator set 13 region and scales had to be there.
    package func minimumVersion(of node: Node) -> Int {
        max(minimumVersion, hasOldInputs || (node.input(1) != nil && node.input(2) != nil) ? 1 : 13)
    }

    package var maximumVersion: Int { hasOldInputs ? 10 : resampling.coordinates == .tensorFlowHalfPixel ? 12 : .max }

    package func modernForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        var resampling = resampling
        guard hasOldInputs else {
            // The centres as they are, which half_pixel moves by half an element: rounding makes up for it.
            let roundings: [Resampling.Rounding: Resampling.Rounding] = [.floor: .preferCeil, .preferFloor: .ceil]
            guard resampling.coordinates == .tensorFlowHalfPixel, resampling.mode == .nearest, let rounding = roundings[resampling.rounding] else {
                return nil
            }
            (resampling.coordinates, resampling.rounding) = (.halfPixel, rounding)
            var changed = node
            changed.op = Resize(resampling, axes: axes)
            return GraphEdit(replacing: [node.name], with: [changed])
        }
        if resampling.mode == .nearest {
            // Which way places are rounded is said once for all axes.
            let scales = graph.info(of: node.input(1))?.constant?.doubles() ?? []
            guard !scales.isEmpty, !(scales.contains { $0 < 1 } && scales.contains { $0 > 1 }) else { return nil }
            resampling.rounding = scales.contains { $0 < 1 } ? .ceil : .floor
        }
        return try graph.inlining(node) { b in
            [try b.add(Resize(resampling), inputs: [node.inputs[0], b.emptyRegion(), node.input(1)])[0]]
        }
    }

    package func runtimeForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        guard let axes, aspect == .stretch, resampling.coordinates != .region,
            let rank = graph.info(of: node.input(0))?.rank
        else { return nil }
        let listed = try axes.map { try $0.normalizedAxis(rank: rank, name: "axes") }
        var form = self
        form.axes = nil
        if let sizes = node.input(3) {
            return try graph.inlining(node) { b in
                let all = try b.shape(of: node.inputs[0], replacing: listed, by: sizes)
                return try b.add(form, inputs: [node.input(0), nil, nil, all])
            }
        }
        guard let scales = graph.info(of: node.input(2))?.constant?.doubles(), scales.count == listed.count else { return nil }
        var all = [Float](repeating: 1, count: rank)
        for (axis, scale) in zip(listed, scales) { all[axis] = Float(scale) }
        return try graph.inlining(node) { b in try b.add(form, inputs: [node.input(0), nil, b.constant("scales", Tensor(all))]) }
    }

    /// The nearest element is one of the source's; what is interpolated, or lies outside, is none.
    package var quantization: QuantizationRule {
        resampling.mode == .nearest && resampling.coordinates != .region ? .keepsScale : .floatOnly
    }

    /// The extent and scale of every axis of the result; nil extents are not known yet.
    private func targets(_ inputs: [ValueInfo?], _ extents: [Extent]) throws -> [(extent: Extent, scale: Double?)] {
        let listed = try (axes ?? Array(extents.indices)).map { try $0.normalizedAxis(rank: extents.count, name: "axes") }
        var result = extents.map { (extent: $0, scale: Optional(1.0)) }
        let sizes = hasOldInputs ? nil : inputs.optional(3)
        if let sizes {
            guard let elements = sizes.elementExtents else { return extents.map { _ in (.unknown, nil) } }
            if aspect != .stretch { return keepingAspect(extents, listed, elements) }
            for (axis, size) in zip(listed, elements) {
                let scale = size.value.flatMap { size in extents[axis].value.map { Double(size) / Double(max($0, 1)) } }
                result[axis] = (size, size == extents[axis] ? 1 : scale)
            }
            return result
        }
        guard let scales = inputs.optional(hasOldInputs ? 1 : 2)?.constant?.doubles() else {
            return extents.map { _ in (.unknown, nil) }
        }
        guard scales.count == listed.count else {
            throw WinnowError(.shape, "scales", "has \(scales.count) numbers for \(listed.count) axes")
        }
        guard scales.allSatisfy({ $0 > 0 && $0.isFinite }) else { throw WinnowError(.model, "scales", "are not all above 0") }
        for (axis, scale) in zip(listed, scales) where scale != 1 {
            // In float32, as runtimes compute it: ten times 0.7 is 7.
            let extent = extents[axis].value.map { Extent.fixed(Int(place: (Float($0) * Float(scale)).rounded(.down))) }
            result[axis] = (extent ?? .unknown, scale)
        }
        return result
    }

    /// One scale for all listed axes, so that none is larger (or smaller) than its size.
    private func keepingAspect(
        _ extents: [Extent], _ listed: [Int], _ sizes: [Extent]
    ) -> [(extent: Extent, scale: Double?)] {
        var result = extents.map { (extent: $0, scale: Optional(1.0)) }
        let scales = zip(listed, sizes).compactMap { axis, size in
            size.value.flatMap { size in extents[axis].value.map { Double(size) / Double(max($0, 1)) } }
        }
        let scale = scales.count == listed.count ? (aspect == .notLarger ? scales.min() : scales.max()) : nil
        for axis in listed {
            guard let scale, let extent = extents[axis].value else { result[axis] = (.unknown, nil); continue }
            result[axis] = (.fixed(Int(place: (Double(extent) * scale + 0.5).rounded(.down))), scale)
        }
        return result
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let data = try inputs.required(0)
        guard let extents = data.extents else { return [ValueInfo(data.elementType, nil)] }
        return [ValueInfo(data.elementType, try targets(inputs, extents).map(\.extent))]
    }

    /// The tables of all axes that change.
    func tables(_ inputs: [ValueInfo?], source: Shape, nodeName: String) throws -> [ResamplingKernel.Axis] {
        let regions = try regions(inputs, rank: source.rank, nodeName: nodeName)
        return try targets(inputs, source.map { .fixed($0) }).enumerated().compactMap { axis, target in
            guard let extent = target.extent.value, let scale = target.scale else {
                throw WinnowError(.unsupported, nodeName, "its scales depend on data")
            }
            if extent == source[axis] && scale == 1 && regions[axis] == (0, 1) { return nil }
            guard source[axis] > 0 || extent == 0 else {
                throw WinnowError(.shape, nodeName, "there is nothing along axis \(axis) to make \(extent) elements of")
            }
            return resampling.axis(axis, source: source[axis], target: extent, scale: scale, region: regions[axis])
        }
    }

    /// The part of each axis that is read, between 0 and 1.
    private func regions(_ inputs: [ValueInfo?], rank: Int, nodeName: String) throws -> [(start: Double, end: Double)] {
        var result = [(start: Double, end: Double)](repeating: (0, 1), count: rank)
        guard resampling.coordinates == .region else { return result }
        let listed = try (axes ?? Array(0..<rank)).map { try $0.normalizedAxis(rank: rank, name: "axes") }
        guard let numbers = inputs.optional(1)?.constant?.doubles(), numbers.count == 2 * listed.count else {
            throw WinnowError(.unsupported, nodeName, "its region depends on data or has another length than its axes")
        }
        for (index, axis) in listed.enumerated() { result[axis] = (numbers[index], numbers[listed.count + index]) }
        return result
    }

    package func layouts(for inputs: [ValueInfo?]) -> LayoutRule { .shared }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let type = request.outputs[0].elementType
        if type != .float32, resampling.mode == .nearest, resampling.coordinates != .region {
            let (axes, source) = try placedTables(request)
            return try movingKernel(request, axes, source)
        }
        return type.isInteger ? try integerKernel(request, cutKernel) : try request.inFloat32(floatKernel)
    }

    /// The tables of axes as they lie in memory, and the source's shape there.
    private func placedTables(_ request: KernelRequest) throws -> ([ResamplingKernel.Axis], Shape) {
        let data = try request.input(0)
        let axes = try tables(
            request.inputs.map { $0.map(ValueInfo.init(operand:)) }, source: data.shape, nodeName: request.nodeName)
        let order = data.layout.permutation(rank: data.shape.rank)
        let placed = axes.map { table in
            var table = table
            table.axis = order.firstIndex(of: table.axis) ?? table.axis
            return table
        }
        return (placed, data.shape.permuted(order))
    }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        try request.checkFloat32(inputs: [0])
        let (axes, source) = try placedTables(request)
        let resize = ResamplingKernel(source, axes, extrapolation: resampling.extrapolation)
        return Kernel(scratchByteCount: resize.scratchByteCount) { operands in
            resize.run(
                operands.input(0, as: Float.self), to: operands.output(0, as: Float.self), scratch: operands.scratch)
        }
    }

    /// For results that are cut to integers: in the order of rounding of ONNX Runtime.
    private func cutKernel(_ request: KernelRequest) throws -> Kernel {
        let (axes, source) = try placedTables(request)
        guard resampling.isLinear, !axes.isEmpty, axes.allSatisfy({ $0.outside.isEmpty }), axes.count <= 3 else {
            return try floatKernel(request)
        }
        // Rows and columns, or planes too, are interpolated even where only one of them changes.
        let images = source.count - (source.count.isMultiple(of: 2) ? 2 : 3)
        let isImage = axes.allSatisfy { $0.axis >= images }
        let unchanged = source.indices.filter { axis in axis >= images && !axes.contains { $0.axis == axis } }
        let all = axes + (isImage ? unchanged.map { resampling.unchangedAxis($0, extent: source[$0]) } : [])
        let corners = CornerInterpolation(source, all.sorted { $0.axis < $1.axis })
        return Kernel { operands in
            corners.run(operands.input(0, as: Float.self), to: operands.output(0, as: Float.self))
        }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        let letters = Array("abcdefghijklmnopqrstuvwxyz")
        guard let extents = inputs.optional(0)?.extents, extents.count <= letters.count,
            let targets = try? targets(inputs, extents)
        else { return .opaque }
        let terms = extents.indices.map { targets[$0].scale == 1 ? AxisTerm.label(letters[$0]) : .opaque }
        var map = AxisMap(
            inputs: [terms] + inputs.dropFirst().map { ($0?.extents ?? []).map { _ in .opaque } }, outputs: [terms])
        if !hasOldInputs, inputs.optional(3) != nil {
            map.inputCounts[3] = (axes ?? Array(extents.indices)).map { terms[$0 < 0 ? $0 + extents.count : $0] }
        }
        return map
    }

    package func effect(of zeros: Zeros) -> ZeroEffect {
        zeros.are(at: 0) && (resampling.coordinates != .region || resampling.extrapolation == 0) ? .zero : .number
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let shape = try context.builder.add(ShapeOf(), context.input(0))
        let rest = context.node.inputs.dropFirst().map { $0.isEmpty ? nil : $0 }
        let gradient = try context.builder.add(
            ResizeGradient(self), inputs: [try context.outputGradient(), shape] + rest)[0]
        return [gradient] + rest.map { _ in nil }
    }
}

extension GraphBuilder {
    /// A region that is not read: before operator set 13 Resize must have one.
    func emptyRegion() -> ValueName { constant("region", Tensor(zeros: [0])) }
}
