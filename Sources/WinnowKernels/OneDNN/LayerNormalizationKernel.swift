internal import COneDNN
internal import WinnowTensor

/// scale · (x − mean) / √(variance + epsilon) + shift along rows, in float32, prepared once. Not for two threads at a time.
package final class LayerNormalizationKernel: @unchecked Sendable {
    private let primitive: PreparedPrimitive
    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package var scratchByteCount: Int { primitive.scratchByteCount }

    /// - Parameter writesStatistics: whether mean and variance of each row are wanted too.
    package init(rows: Int, width: Int, epsilon: Float, hasShift: Bool, writesStatistics: Bool = false) throws {
        let memory = try MemoryDescriptor(dense: [rows, width])
        let statistics = try MemoryDescriptor(dense: [rows])
        let vector = try MemoryDescriptor(dense: [width])
        let attributes = try PrimitiveAttributes()
        let flags = UInt32(dnnl_use_scale.rawValue) | (hasShift ? UInt32(dnnl_use_shift.rawValue) : 0)
        let descriptor = try PrimitiveDescriptor("layer normalization of \(rows)×\(width)", .elements(rows * width)) { result, engine in
            dnnl_layer_normalization_forward_primitive_desc_create(
                &result, engine, writesStatistics ? dnnl_forward_training : dnnl_forward_inference, memory.handle,
                memory.handle, statistics.handle, epsilon, flags, attributes.handle)
        }
        var arguments: [PreparedPrimitive.Argument] = [
            .init(DNNL_ARG_SRC, memory, .slot(Slot.source)), .init(DNNL_ARG_DST, memory, .slot(Slot.target)),
            .init(DNNL_ARG_SCALE, vector, .slot(Slot.scale)),
        ]
        if hasShift { arguments.append(.init(DNNL_ARG_SHIFT, vector, .slot(Slot.shift))) }
        if writesStatistics {
            arguments.append(.init(DNNL_ARG_MEAN, statistics, .slot(Slot.mean)))
            arguments.append(.init(DNNL_ARG_VARIANCE, statistics, .slot(Slot.variance)))
        }
        primitive = try PreparedPrimitive(descriptor, arguments)
    }

    /// Normalizes. Source and target may be the same memory; undeclared pointers are ignored.
    package func run(
        source: UnsafeRawPointer, scale: UnsafeRawPointer, shift: UnsafeRawPointer? = nil,
        target: UnsafeMutableRawPointer, statistics: NormalizationStatistics? = nil, scratch: UnsafeMutableRawPointer?
    ) throws {
        primitive.bind(Slot.source, source)
        primitive.bind(Slot.scale, scale)
        primitive.bind(Slot.shift, shift)
        primitive.bind(Slot.mean, statistics?.mean)
        primitive.bind(Slot.variance, statistics?.variance)
        primitive.bind(Slot.target, target)
        try primitive.execute(scratch: scratch)
    }
}
