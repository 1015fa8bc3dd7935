package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// A value enlarged or shrunk along its axes by scales or to sizes.
///
/// Inputs: data, region (ignored), scales, sizes; at version 10 data and scales.
package struct Resize: Operator {
    package static let type = OperatorType("Resize")

    package var resampling: Resampling
    /// The axes that scales and sizes are given for; nil is all.
    package var axes: [Int]?
    /// Whether scales are input 1, as at version 10.
    package var hasOldInputs: Bool

    package init(_ resampling: Resampling = Resampling(), axes: [Int]? = nil) {
        self.resampling = resampling
        self.axes = axes
        hasOldInputs = false
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(try Resampling(attributes: attributes), axes: try attributes.ints("axes"))
        if try attributes.flag("antialias", default: false) {
            throw WinnowError(.unsupported, "antialias", "is not supported")
        }
        let policy = try attributes.string("keep_aspect_ratio_policy", default: "stretch")
        guard policy == "stretch" else {
            throw WinnowError(.unsupported, "keep_aspect_ratio_policy", "\(policy) is not supported")
        }
        hasOldInputs = version < 11
        if hasOldInputs {
            resampling.coordinates = .asymmetric
            resampling.rounding = .floor
        }
    }

    package var attributes: Attributes {
        if hasOldInputs { return ["mode": .string(resampling.mode.rawValue)] }
        var attributes = resampling.attributes
        if let axes { attributes["axes"] = .ints(axes) }
        return attributes
    }

    package var minimumVersion: Int {
        hasOldInputs ? 10 : resampling.coordinates == .halfPixelSymmetric ? 19 : axes == nil ? 11 : 18
    }

    package var maximumVersion: Int { hasOldInputs ? 10 : .max }

    package func modernForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        let modern = Node(
            name: node.name, op: Resize(resampling), inputs: [node.inputs[0], "", node.input(1) ?? ""], outputs: node.outputs)
        return GraphEdit(replacing: [node.name], with: [modern])
    }

    package var quantization: QuantizationRule { .floatOnly }

    /// The extent and scale of every axis of the result; nil extents are not known yet.
    private func targets(_ inputs: [ValueInfo?], _ extents: [Extent]) throws -> [(extent: Extent, scale: Double?)] {
        let listed = try (axes ?? Array(extents.indices)).map { try $0.normalizedAxis(rank: extents.count, name: "axes") }
        var result = extents.map { (extent: $0, scale: Optional(1.0)) }
        let sizes = hasOldInputs ? nil : inputs.optional(3)
        if let sizes {
            guard let elements = sizes.elementExtents else { return extents.map { _ in (.unknown, nil) } }
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
        for (axis, scale) in zip(listed, scales) where scale != 1 {
            result[axis] = (extents[axis].value.map { .fixed(Int((Double($0) * scale).rounded(.down))) } ?? .unknown, scale)
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
        try targets(inputs, source.map { .fixed($0) }).enumerated().compactMap { axis, target in
            guard let extent = target.extent.value, let scale = target.scale else {
                throw WinnowError(.unsupported, nodeName, "its scales depend on data")
            }
            if extent == source[axis] && scale == 1 { return nil }
            return resampling.axis(axis, source: source[axis], target: extent, scale: scale)
        }
    }

    package func kernel(for request: KernelRequest) throws -> Kernel {
        let data = try request.input(0)
        try data.requireFloat32(request.nodeName)
        let axes = try tables(
            request.inputs.map { $0.map(ValueInfo.init(operand:)) }, source: data.shape, nodeName: request.nodeName)
        let resize = ResamplingKernel(data.shape, axes)
        return Kernel(scratchByteCount: resize.scratchByteCount) { operands in
            resize.run(
                operands.input(0, as: Float.self), to: operands.output(0, as: Float.self), scratch: operands.scratch)
        }
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap {
        let letters = Array("abcdefghijklmnopqrstuvwxyz")
        guard let extents = inputs.optional(0)?.extents, extents.count <= letters.count,
            let targets = try? targets(inputs, extents)
        else { return .opaque }
        let terms = extents.indices.map { targets[$0].scale == 1 ? AxisTerm.label(letters[$0]) : .opaque }
        return AxisMap(
            inputs: [terms] + inputs.dropFirst().map { ($0?.extents ?? []).map { _ in .opaque } }, outputs: [terms])
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let shape = try context.builder.add(ShapeOf(), context.input(0))
        let rest = context.node.inputs.dropFirst().map { $0.isEmpty ? nil : $0 }
        let gradient = try context.builder.add(
            ResizeGradient(self), inputs: [try context.outputGradient(), shape] + rest)[0]
        return [gradient] + rest.map { _ in nil }
    }
}
