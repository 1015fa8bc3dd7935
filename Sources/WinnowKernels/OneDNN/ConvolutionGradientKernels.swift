internal import COneDNN
package import WinnowTensor

/// The gradient of a convolution with respect to its source, prepared once. Not for two threads at a time.
package final class ConvolutionSourceGradientKernel: @unchecked Sendable {
    private let primitive: PreparedPrimitive
    private let packing: FilterPacking
    private let primitiveOffset: Int
    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package let scratchByteCount: Int

    /// - Parameters:
    ///   - source: layout of the source gradient; `target`: layout of the target gradient.
    ///   - constantFilter: float32 in `geometry.filterShape`, packed and owned here; nil: given at each run.
    package init(
        _ geometry: ConvolutionGeometry, source sourceLayout: Layout, target targetLayout: Layout,
        constantFilter: UnsafeRawPointer? = nil, math: MathMode = .float32
    ) throws {
        try geometry.validate()
        let source = try MemoryDescriptor(geometry.sourceShape, .float32, sourceLayout)
        let target = try MemoryDescriptor(geometry.targetShape, .float32, targetLayout)
        let filter = try MemoryDescriptor(any: geometry.filterExtents)
        let attributes = try PrimitiveAttributes(math: math)
        let forward = try geometry.forwardDescriptor(
            source: source, filter: filter, bias: nil, target: target, attributes, propagation: dnnl_forward_training)
        let descriptor = try PrimitiveDescriptor("source gradient of " + geometry.subject) { result, engine in
            dnnl_convolution_backward_data_primitive_desc_create(
                &result, engine, dnnl_convolution_direct, source.handle, filter.handle, target.handle,
                geometry.dimensionStrides, geometry.dimensionDilations, geometry.dimensionPadsBegin,
                geometry.dimensionPadsEnd, forward.handle, attributes.handle)
        }
        var scratch = ScratchLayout()
        packing = try FilterPacking(
            plain: MemoryDescriptor(dense: geometry.filterExtents), packed: descriptor.memory(dnnl_query_weights_md),
            constant: constantFilter, scratch: &scratch)
        primitive = try PreparedPrimitive(
            descriptor,
            [
                .init(DNNL_ARG_DIFF_SRC, source, .slot(Slot.source)), packing.argument,
                .init(DNNL_ARG_DIFF_DST, target, .slot(Slot.target)),
            ])
        primitiveOffset = scratch.reserve(max(primitive.scratchByteCount, packing.stepScratchByteCount))
        scratchByteCount = scratch.byteCount
    }

    /// oneDNN's name of the chosen implementation.
    package var implementation: String { primitive.implementation }

    /// Writes the source gradient. `filter` is ignored if it is constant.
    package func run(
        targetGradient: UnsafeRawPointer, filter: UnsafeRawPointer? = nil, sourceGradient: UnsafeMutableRawPointer,
        scratch: UnsafeMutableRawPointer?
    ) throws {
        let primitiveScratch = scratch.map { $0 + primitiveOffset }
        try packing.prepare(primitive, filter: filter, scratch: scratch, stepScratch: primitiveScratch)
        primitive.bind(Slot.source, sourceGradient)
        primitive.bind(Slot.target, targetGradient)
        try primitive.execute(scratch: primitiveScratch)
    }
}

/// The gradient of a convolution with respect to its filter and bias, prepared once. Not for two threads at a time.
package final class ConvolutionFilterGradientKernel: @unchecked Sendable {
    private let primitive: PreparedPrimitive
    /// Brings the packed gradient into the plain layout; nil if it is plain already.
    private let unpacking: Repacking?
    private let primitiveOffset: Int
    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package let scratchByteCount: Int

    /// - Parameter hasBias: whether the bias gradient is wanted too.
    package init(
        _ geometry: ConvolutionGeometry, source sourceLayout: Layout, target targetLayout: Layout, hasBias: Bool,
        math: MathMode = .float32
    ) throws {
        try geometry.validate()
        let source = try MemoryDescriptor(geometry.sourceShape, .float32, sourceLayout)
        let target = try MemoryDescriptor(geometry.targetShape, .float32, targetLayout)
        let filter = try MemoryDescriptor(any: geometry.filterExtents)
        let bias = hasBias ? try MemoryDescriptor(dense: [geometry.filterShape[0]]) : nil
        let attributes = try PrimitiveAttributes(math: math)
        let forward = try geometry.forwardDescriptor(
            source: source, filter: filter, bias: bias, target: target, attributes, propagation: dnnl_forward_training)
        let descriptor = try PrimitiveDescriptor("filter gradient of " + geometry.subject) { result, engine in
            dnnl_convolution_backward_weights_primitive_desc_create(
                &result, engine, dnnl_convolution_direct, source.handle, filter.handle, bias?.handle, target.handle,
                geometry.dimensionStrides, geometry.dimensionDilations, geometry.dimensionPadsBegin,
                geometry.dimensionPadsEnd, forward.handle, attributes.handle)
        }
        let plain = try MemoryDescriptor(dense: geometry.filterExtents)
        let packed = try descriptor.memory(dnnl_query_diff_weights_md)
        unpacking = packed == plain ? nil : try Repacking(from: packed, to: plain)
        var arguments: [PreparedPrimitive.Argument] = [
            .init(DNNL_ARG_SRC, source, .slot(Slot.source)),
            .init(DNNL_ARG_DIFF_WEIGHTS, packed, .slot(Slot.filter)),
            .init(DNNL_ARG_DIFF_DST, target, .slot(Slot.target)),
        ]
        if let bias { arguments.append(.init(DNNL_ARG_DIFF_BIAS, bias, .slot(Slot.bias))) }
        primitive = try PreparedPrimitive(descriptor, arguments)
        var scratch = ScratchLayout()
        _ = scratch.reserve(unpacking == nil ? 0 : packed.byteCount)
        primitiveOffset = scratch.reserve(max(primitive.scratchByteCount, unpacking?.scratchByteCount ?? 0))
        scratchByteCount = scratch.byteCount
    }

    /// oneDNN's name of the chosen implementation.
    package var implementation: String { primitive.implementation }

    /// Writes (does not add to) the gradients. `biasGradient` is ignored unless declared.
    package func run(
        source: UnsafeRawPointer, targetGradient: UnsafeRawPointer, filterGradient: UnsafeMutableRawPointer,
        biasGradient: UnsafeMutableRawPointer? = nil, scratch: UnsafeMutableRawPointer?
    ) throws {
        let primitiveScratch = scratch.map { $0 + primitiveOffset }
        primitive.bind(Slot.source, source)
        primitive.bind(Slot.target, targetGradient)
        primitive.bind(Slot.bias, biasGradient)
        primitive.bind(Slot.filter, unpacking == nil ? filterGradient : scratch)
        try primitive.execute(scratch: primitiveScratch)
        guard let unpacking, let scratch else { return }
        try unpacking.run(source: scratch, target: filterGradient, scratch: primitiveScratch)
    }
}
