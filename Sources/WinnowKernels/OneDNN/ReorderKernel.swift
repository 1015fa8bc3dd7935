internal import COneDNN
package import WinnowTensor

/// Copies a tensor into other strides or another element type, prepared once. Not for two threads at a time.
///
/// Codes are read as `scale · (code − zeroPoint)` and written as `round(real / scale) + zeroPoint`, saturated.
package final class ReorderKernel: @unchecked Sendable {
    /// One side of the copy.
    package struct Side: Hashable, Sendable {
        package var elementType: ElementType
        /// Distances in elements between neighbours along each logical axis.
        package var strides: [Int]
        package var scale: Float
        package var zeroPoint: Int32

        package init(_ elementType: ElementType, strides: [Int], scale: Float = 1, zeroPoint: Int32 = 0) {
            self.elementType = elementType
            self.strides = strides
            self.scale = scale
            self.zeroPoint = zeroPoint
        }
    }

    private let primitive: PreparedPrimitive
    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package var scratchByteCount: Int { primitive.scratchByteCount }

    package init(_ shape: Shape, from source: Side, to target: Side) throws {
        let from = try MemoryDescriptor(shape.extents, source.elementType, strides: source.strides)
        let to = try MemoryDescriptor(shape.extents, target.elementType, strides: target.strides)
        let attributes = try PrimitiveAttributes()
        var arguments: [PreparedPrimitive.Argument] = [
            .init(DNNL_ARG_FROM, from, .slot(Slot.source)), .init(DNNL_ARG_TO, to, .slot(Slot.target)),
        ]
        arguments += try attributes.setQuantization(DNNL_ARG_FROM, scale: source.scale, zeroPoint: source.zeroPoint)
        arguments += try attributes.setQuantization(DNNL_ARG_TO, scale: target.scale, zeroPoint: target.zeroPoint)
        let descriptor = try PrimitiveDescriptor("copy of \(shape)", .elements(shape.elementCount)) { result, engine in
            dnnl_reorder_primitive_desc_create(&result, from.handle, engine, to.handle, engine, attributes.handle)
        }
        primitive = try PreparedPrimitive(descriptor, arguments)
    }

    package func run(source: UnsafeRawPointer, target: UnsafeMutableRawPointer, scratch: UnsafeMutableRawPointer?) throws {
        primitive.bind(Slot.source, source)
        primitive.bind(Slot.target, target)
        try primitive.execute(scratch: scratch)
    }
}
