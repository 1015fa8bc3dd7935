internal import COneDNN
package import WinnowTensor

/// A float32 convolution with bias and fused steps, prepared once. Not for two threads at a time.
package final class ConvolutionKernel: @unchecked Sendable {
    private let primitive: PreparedPrimitive
    private let packing: FilterPacking
    private let primitiveOffset: Int
    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package let scratchByteCount: Int

    /// - Parameter constantFilter: float32 in `geometry.filterShape`, packed and owned here; nil: given at each run.
    package init(
        _ geometry: ConvolutionGeometry, source sourceLayout: Layout, target targetLayout: Layout,
        constantFilter: UnsafeRawPointer? = nil, hasBias: Bool, epilogue: Epilogue = .none, math: MathMode = .float32
    ) throws {
        try geometry.validate()
        let targetShape = geometry.targetShape
        let source = try MemoryDescriptor(geometry.sourceShape, .float32, sourceLayout)
        let target = try MemoryDescriptor(targetShape, .float32, targetLayout)
        let bias = hasBias ? try MemoryDescriptor(dense: [targetShape[1]]) : nil
        let attributes = try PrimitiveAttributes(math: math)
        try attributes.append(
            epilogue, targetExtents: targetShape.extents, targetStrides: targetLayout.strides(of: targetShape),
            residual: Slot.residual)
        try attributes.seal()
        let descriptor = try geometry.forwardDescriptor(
            source: source, filter: MemoryDescriptor(any: geometry.filterExtents), bias: bias, target: target, attributes)
        var scratch = ScratchLayout()
        packing = try FilterPacking(
            plain: MemoryDescriptor(dense: geometry.filterExtents), packed: descriptor.memory(dnnl_query_weights_md),
            constant: constantFilter, scratch: &scratch)
        var arguments: [PreparedPrimitive.Argument] = [
            .init(DNNL_ARG_SRC, source, .slot(Slot.source)), packing.argument,
            .init(DNNL_ARG_DST, target, .slot(Slot.target)),
        ]
        if let bias { arguments.append(.init(DNNL_ARG_BIAS, bias, .slot(Slot.bias))) }
        primitive = try PreparedPrimitive(descriptor, arguments + attributes.postOperationArguments)
        primitiveOffset = scratch.reserve(max(primitive.scratchByteCount, packing.stepScratchByteCount))
        scratchByteCount = scratch.byteCount
    }

    /// oneDNN's name of the chosen implementation.
    package var implementation: String { primitive.implementation }

    /// Convolves. `filter` is ignored if it is constant, `bias` and `residual` unless declared.
    package func run(
        source: UnsafeRawPointer, filter: UnsafeRawPointer? = nil, bias: UnsafeRawPointer? = nil,
        residual: UnsafeRawPointer? = nil, target: UnsafeMutableRawPointer, scratch: UnsafeMutableRawPointer?
    ) throws {
        let primitiveScratch = scratch.map { $0 + primitiveOffset }
        try packing.prepare(primitive, filter: filter, scratch: scratch, stepScratch: primitiveScratch)
        primitive.bind(Slot.source, source)
        primitive.bind(Slot.bias, bias)
        primitive.bind(Slot.residual, residual)
        primitive.bind(Slot.target, target)
        try primitive.execute(scratch: primitiveScratch)
    }
}

extension ConvolutionGeometry {
    var subject: String { "convolution of \(sourceShape) with \(filterShape)" }

    func forwardDescriptor(
        source: MemoryDescriptor, filter: MemoryDescriptor, bias: MemoryDescriptor?, target: MemoryDescriptor,
        _ attributes: PrimitiveAttributes, propagation: dnnl_prop_kind_t = dnnl_forward_inference
    ) throws -> PrimitiveDescriptor {
        try PrimitiveDescriptor(subject) { result, engine in
            dnnl_convolution_forward_primitive_desc_create(
                &result, engine, propagation, dnnl_convolution_direct, source.handle, filter.handle, bias?.handle,
                target.handle, dimensionStrides, dimensionDilations, dimensionPadsBegin, dimensionPadsEnd,
                attributes.handle)
        }
    }
}
