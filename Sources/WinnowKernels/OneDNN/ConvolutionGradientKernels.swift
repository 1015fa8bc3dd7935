internal import COneDNN
internal import WinnowTensor

/// The gradient of a convolution with respect to its source, prepared once. Not for two threads at a time.
package final class ConvolutionSourceGradientKernel: @unchecked Sendable {
    private let contraction: SpatialContraction
    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package var scratchByteCount: Int { contraction.scratchByteCount }

    /// - Parameter constantFilter: float32 in `geometry.filterShape`, packed and owned here; nil: given at each run.
    package init(
        _ geometry: ConvolutionGeometry, _ layouts: OperandLayouts, constantFilter: UnsafeRawPointer? = nil,
        math: MathMode = .float32
    ) throws {
        try geometry.validate()
        let geometry = geometry.compact
        let window = geometry.window
        var scratch = ScratchLayout()
        let source = try ChannelsLastOperand(geometry.sourceShape, .float32, layouts.source, .output, scratch: &scratch)
        let (type, descriptor) = try geometry.choose(math) { type in
            let target = try MemoryDescriptor(geometry.targetShape, type, .channelsLast)
            let filter = try MemoryDescriptor(any: geometry.filterExtents, type)
            let attributes = try PrimitiveAttributes()
            let forward = try geometry.forwardDescriptor(
                source: MemoryDescriptor(geometry.sourceShape, type, .channelsLast), filter: filter, bias: nil, target: target,
                attributes, propagation: dnnl_forward_training)
            return try PrimitiveDescriptor("source gradient of " + geometry.subject, .products(geometry.productCount)) {
                dnnl_convolution_backward_data_primitive_desc_create(
                    &$0, $1, dnnl_convolution_direct, source.descriptor.handle, filter.handle, target.handle,
                    window.dimensionStrides, window.dimensionDilations, window.dimensionPadsBegin, window.dimensionPadsEnd,
                    forward.handle, attributes.handle)
            }
        }
        let target = try ChannelsLastOperand(
            geometry.targetShape, .float32, layouts.target, .input, read: type, scratch: &scratch)
        let packing = try OperandPacking(
            plain: MemoryDescriptor(dense: geometry.filterExtents), packed: descriptor.memory(dnnl_query_weights_md),
            constant: constantFilter, scratch: &scratch)
        let primitive = try PreparedPrimitive(
            descriptor,
            [
                .init(DNNL_ARG_DIFF_DST, target.descriptor, .slot(Slot.source)), packing.argument,
                .init(DNNL_ARG_DIFF_SRC, source.descriptor, .slot(Slot.target)),
            ])
        contraction = SpatialContraction(primitive, packing: packing, source: target, target: source, scratch: scratch)
    }

    /// oneDNN's name of the chosen implementation.
    package var implementation: String { contraction.implementation }

    /// Writes the source gradient. `filter` is ignored if it is constant.
    package func run(
        targetGradient: UnsafeRawPointer, filter: UnsafeRawPointer? = nil, sourceGradient: UnsafeMutableRawPointer,
        scratch: UnsafeMutableRawPointer?
    ) throws {
        try contraction.run(source: targetGradient, filter: filter, target: sourceGradient, scratch: scratch)
    }
}

/// The gradient of a convolution with respect to its filter and bias, prepared once. Not for two threads at a time.
package final class ConvolutionFilterGradientKernel: @unchecked Sendable {
    private let primitive: PreparedPrimitive
    /// Brings the packed gradient into the plain layout; nil if it is plain already.
    private let unpacking: Repacking?
    private let source: ChannelsLastOperand
    private let target: ChannelsLastOperand
    private let packedOffset: Int
    private let stepOffset: Int
    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package let scratchByteCount: Int

    /// - Parameter hasBias: whether the bias gradient is wanted too.
    package init(
        _ geometry: ConvolutionGeometry, _ layouts: OperandLayouts, hasBias: Bool, math: MathMode = .float32
    ) throws {
        try geometry.validate()
        let geometry = geometry.compact
        let window = geometry.window
        var scratch = ScratchLayout()
        let bias = hasBias ? try MemoryDescriptor(dense: [geometry.filterShape[0]]) : nil
        let (type, descriptor) = try geometry.choose(math) { type in
            let source = try MemoryDescriptor(geometry.sourceShape, type, .channelsLast)
            let target = try MemoryDescriptor(geometry.targetShape, type, .channelsLast)
            let filter = try MemoryDescriptor(any: geometry.filterExtents)
            let attributes = try PrimitiveAttributes()
            let forward = try geometry.forwardDescriptor(
                source: source, filter: MemoryDescriptor(any: geometry.filterExtents, type), bias: bias, target: target,
                attributes, propagation: dnnl_forward_training)
            return try PrimitiveDescriptor("filter gradient of " + geometry.subject, .products(geometry.productCount)) {
                dnnl_convolution_backward_weights_primitive_desc_create(
                    &$0, $1, dnnl_convolution_direct, source.handle, filter.handle, bias?.handle, target.handle,
                    window.dimensionStrides, window.dimensionDilations, window.dimensionPadsBegin, window.dimensionPadsEnd,
                    forward.handle, attributes.handle)
            }
        }
        source = try ChannelsLastOperand(
            geometry.sourceShape, .float32, layouts.source, .input, read: type, scratch: &scratch)
        target = try ChannelsLastOperand(
            geometry.targetShape, .float32, layouts.target, .input, read: type, scratch: &scratch)
        let (from, to) = (source.descriptor, target.descriptor)
        let plain = try MemoryDescriptor(dense: geometry.filterExtents)
        let packed = try descriptor.memory(dnnl_query_diff_weights_md)
        unpacking = packed == plain ? nil : try Repacking(from: packed, to: plain)
        var arguments: [PreparedPrimitive.Argument] = [
            .init(DNNL_ARG_SRC, from, .slot(Slot.source)),
            .init(DNNL_ARG_DIFF_WEIGHTS, packed, .slot(Slot.filter)),
            .init(DNNL_ARG_DIFF_DST, to, .slot(Slot.target)),
        ]
        if let bias { arguments.append(.init(DNNL_ARG_DIFF_BIAS, bias, .slot(Slot.bias))) }
        primitive = try PreparedPrimitive(descriptor, arguments)
        packedOffset = scratch.reserve(unpacking == nil ? 0 : packed.byteCount)
        stepOffset = scratch.reserve(
            max(
                primitive.scratchByteCount, unpacking?.scratchByteCount ?? 0, source.stepScratchByteCount,
                target.stepScratchByteCount))
        scratchByteCount = scratch.byteCount
    }

    /// oneDNN's name of the chosen implementation.
    package var implementation: String { primitive.implementation }

    /// Writes (does not add to) the gradients. `biasGradient` is ignored unless declared.
    package func run(
        source: UnsafeRawPointer, targetGradient: UnsafeRawPointer, filterGradient: UnsafeMutableRawPointer,
        biasGradient: UnsafeMutableRawPointer? = nil, scratch: UnsafeMutableRawPointer?
    ) throws {
        let step = scratch.map { $0 + stepOffset }
        try self.source.bind(Slot.source, of: primitive, input: source, scratch: scratch, step: step)
        try target.bind(Slot.target, of: primitive, input: targetGradient, scratch: scratch, step: step)
        primitive.bind(Slot.bias, biasGradient)
        primitive.bind(Slot.filter, unpacking == nil ? filterGradient : scratch.map { $0 + packedOffset } ?? filterGradient)
        try primitive.execute(scratch: step)
        guard let unpacking, let scratch else { return }
        try unpacking.run(source: scratch + packedOffset, target: filterGradient, scratch: step)
    }
}
