internal import COneDNN
package import WinnowTensor

/// scale · (x − mean) / √(variance + epsilon) + shift over axis 1, in float32, prepared once. Not for two threads at a time.
package final class BatchNormalizationKernel: @unchecked Sendable {
    /// Where mean and variance come from.
    package enum Statistics: Hashable, Sendable {
        /// They are given.
        case given
        /// They are those of the batch (variance divided by the count), and written.
        case ofBatch
    }

    private let primitive: PreparedPrimitive
    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package var scratchByteCount: Int { primitive.scratchByteCount }

    /// Source and target share `layout`. The epilogue has no residual and needs given statistics.
    package init(
        _ shape: Shape, layout: Layout, statistics: Statistics, epsilon: Float, epilogue: Epilogue = .none
    ) throws {
        let memory = try BatchNormalization.memory(shape, layout)
        let channels = try MemoryDescriptor(dense: [shape[1]])
        let attributes = try PrimitiveAttributes()
        try attributes.append(
            epilogue, targetExtents: shape.extents, targetStrides: layout.strides(of: shape), residual: Slot.residual)
        try attributes.seal()
        let descriptor = try BatchNormalization.forward(memory, statistics, epsilon, attributes)
        primitive = try PreparedPrimitive(
            descriptor,
            [
                .init(DNNL_ARG_SRC, memory, .slot(Slot.source)), .init(DNNL_ARG_DST, memory, .slot(Slot.target)),
                .init(DNNL_ARG_MEAN, channels, .slot(Slot.mean)),
                .init(DNNL_ARG_VARIANCE, channels, .slot(Slot.variance)),
                .init(DNNL_ARG_SCALE, channels, .slot(Slot.scale)), .init(DNNL_ARG_SHIFT, channels, .slot(Slot.shift)),
            ] + attributes.postOperationArguments)
    }

    /// Normalizes; `statistics` are read if given, written if of the batch. Source and target may be the same memory.
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

/// The gradients of a batch normalization, prepared once. Not for two threads at a time.
package final class BatchNormalizationGradientKernel: @unchecked Sendable {
    private let primitive: PreparedPrimitive
    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package var scratchByteCount: Int { primitive.scratchByteCount }

    /// - Parameter statistics: `given` treats mean and variance as constants, `ofBatch` as functions of the source.
    package init(
        _ shape: Shape, layout: Layout, statistics: BatchNormalizationKernel.Statistics, epsilon: Float
    ) throws {
        let memory = try BatchNormalization.memory(shape, layout)
        let channels = try MemoryDescriptor(dense: [shape[1]])
        let attributes = try PrimitiveAttributes()
        let forward = try BatchNormalization.forward(memory, statistics, epsilon, attributes, dnnl_forward_training)
        let descriptor = try PrimitiveDescriptor(
            "gradient of batch normalization of \(shape)", .elements(2 * shape.elementCount)
        ) { result, engine in
            dnnl_batch_normalization_backward_primitive_desc_create(
                &result, engine, dnnl_backward, memory.handle, memory.handle, memory.handle, epsilon,
                BatchNormalization.flags(statistics), forward.handle, attributes.handle)
        }
        primitive = try PreparedPrimitive(
            descriptor,
            [
                .init(DNNL_ARG_SRC, memory, .slot(Slot.source)), .init(DNNL_ARG_DIFF_DST, memory, .slot(Slot.target)),
                .init(DNNL_ARG_DIFF_SRC, memory, .slot(Slot.sourceGradient)),
                .init(DNNL_ARG_MEAN, channels, .slot(Slot.mean)),
                .init(DNNL_ARG_VARIANCE, channels, .slot(Slot.variance)),
                .init(DNNL_ARG_SCALE, channels, .slot(Slot.scale)),
                .init(DNNL_ARG_DIFF_SCALE, channels, .slot(Slot.scaleGradient)),
                .init(DNNL_ARG_DIFF_SHIFT, channels, .slot(Slot.shiftGradient)),
            ])
    }

    /// Writes (does not add to) all three gradients. Target and source gradient may be the same memory.
    package func run(
        source: UnsafeRawPointer, targetGradient: UnsafeRawPointer, scale: UnsafeRawPointer,
        statistics: NormalizationStatistics, gradients: NormalizationGradients, scratch: UnsafeMutableRawPointer?
    ) throws {
        primitive.bind(Slot.source, source)
        primitive.bind(Slot.target, targetGradient)
        primitive.bind(Slot.scale, scale)
        primitive.bind(Slot.mean, statistics.mean)
        primitive.bind(Slot.variance, statistics.variance)
        primitive.bind(Slot.sourceGradient, gradients.source)
        primitive.bind(Slot.scaleGradient, gradients.scale)
        primitive.bind(Slot.shiftGradient, gradients.shift)
        try primitive.execute(scratch: scratch)
    }
}

/// What the two kernels share.
private enum BatchNormalization {
    static func memory(_ shape: Shape, _ layout: Layout) throws -> MemoryDescriptor {
        guard (2...5).contains(shape.rank) else {
            throw WinnowError(.shape, "batch normalization", "source \(shape) must have rank 2 to 5")
        }
        return try MemoryDescriptor(shape, .float32, layout)
    }

    static func flags(_ statistics: BatchNormalizationKernel.Statistics) -> UInt32 {
        UInt32(dnnl_use_scale.rawValue | dnnl_use_shift.rawValue)
            | (statistics == .given ? UInt32(dnnl_use_global_stats.rawValue) : 0)
    }

    static func forward(
        _ memory: MemoryDescriptor, _ statistics: BatchNormalizationKernel.Statistics, _ epsilon: Float,
        _ attributes: PrimitiveAttributes, _ propagation: dnnl_prop_kind_t? = nil
    ) throws -> PrimitiveDescriptor {
        let propagation = propagation ?? (statistics == .given ? dnnl_forward_inference : dnnl_forward_training)
        return try PrimitiveDescriptor("batch normalization", .elements(memory.byteCount / 4)) { result, engine in
            dnnl_batch_normalization_forward_primitive_desc_create(
                &result, engine, propagation, memory.handle, memory.handle, epsilon, flags(statistics), attributes.handle)
        }
    }
}
