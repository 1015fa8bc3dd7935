internal import COneDNN
package import WinnowTensor

/// Softmax or its logarithm along one axis in float32, prepared once. Not for two threads at a time.
package final class SoftmaxKernel: @unchecked Sendable {
    private let primitive: PreparedPrimitive
    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package var scratchByteCount: Int { primitive.scratchByteCount }

    /// Source and target share `layout`. `axis` is logical and not negative.
    package init(_ shape: Shape, axis: Int, layout: Layout = .rowMajor, logarithm: Bool = false) throws {
        guard shape.indices.contains(axis) else {
            throw WinnowError(.shape, "softmax", "axis \(axis) is not one of shape \(shape)")
        }
        let memory = try MemoryDescriptor(shape, .float32, layout)
        let attributes = try PrimitiveAttributes()
        let descriptor = try PrimitiveDescriptor("softmax of \(shape)", .elements(2 * shape.elementCount)) { result, engine in
            dnnl_softmax_forward_primitive_desc_create(
                &result, engine, dnnl_forward_inference, logarithm ? dnnl_softmax_log : dnnl_softmax_accurate,
                memory.handle, memory.handle, Int32(axis), attributes.handle)
        }
        primitive = try PreparedPrimitive(
            descriptor,
            [.init(DNNL_ARG_SRC, memory, .slot(Slot.source)), .init(DNNL_ARG_DST, memory, .slot(Slot.target))])
    }

    /// `source` and `target` may be the same memory.
    package func run(source: UnsafeRawPointer, target: UnsafeMutableRawPointer, scratch: UnsafeMutableRawPointer?) throws {
        primitive.bind(Slot.source, source)
        primitive.bind(Slot.target, target)
        try primitive.execute(scratch: scratch)
    }
}
