internal import COneDNN
package import WinnowTensor

/// scale · (x − mean) / √(variance + epsilon) + shift over axis 1 with given statistics, in float32, prepared once. Not for two threads at
/// a time.
package final class BatchNormalizationKernel: @unchecked Sendable {
    private let primitive: PreparedPrimitive
    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package var scratchByteCount: Int { primitive.scratchByteCount }

    /// Source and target share `layout`. The epilogue has no residual.
    package init(_ shape: Shape, layout: Layout, epsilon: Float, epilogue: Epilogue = .none) throws {
        guard (2...5).contains(shape.rank) else {
            throw WinnowError(.shape, "batch normalization", "source \(shape) must have rank 2 to 5")
        }
        let memory = try MemoryDescriptor(shape, .float32, layout)
        let channels = try MemoryDescriptor(dense: [shape[1]])
        let attributes = try PrimitiveAttributes()
        try attributes.append(
            epilogue, targetExtents: shape.extents, targetStrides: layout.strides(of: shape), residual: Slot.residual)
        try attributes.seal()
        let flags = UInt32(dnnl_use_scale.rawValue | dnnl_use_shift.rawValue | dnnl_use_global_stats.rawValue)
        let descriptor = try PrimitiveDescriptor("batch normalization", .elements(memory.byteCount / 4)) { result, engine in
            dnnl_batch_normalization_forward_primitive_desc_create(
                &result, engine, dnnl_forward_inference, memory.handle, memory.handle, epsilon, flags, attributes.handle)
        }
        primitive = try PreparedPrimitive(
            descriptor,
            [
                .init(DNNL_ARG_SRC, memory, .slot(Slot.source)), .init(DNNL_ARG_DST, memory, .slot(Slot.target)),
                .init(DNNL_ARG_MEAN, channels, .slot(Slot.mean)),
                .init(DNNL_ARG_VARIANCE, channels, .slot(Slot.variance)),
                .init(DNNL_ARG_SCALE, channels, .slot(Slot.scale)), .init(DNNL_ARG_SHIFT, channels, .slot(Slot.shift)),
            ] + attributes.postOperationArguments)
    }

    /// Normalizes. Source and target may be the same memory.
    package func run(
        source: UnsafeRawPointer, scale: UnsafeRawPointer, shift: UnsafeRawPointer, statistics: NormalizationStatistics,
        target: UnsafeMutableRawPointer, scratch: UnsafeMutableRawPointer?
    ) throws {
        primitive.bind(Slot.source, source)
        primitive.bind(Slot.scale, scale)
        primitive.bind(Slot.shift, shift)
        primitive.bind(Slot.mean, statistics.mean)
        primitive.bind(Slot.variance, statistics.variance)
        primitive.bind(Slot.target, target)
        try primitive.execute(scratch: scratch)
    }
}
