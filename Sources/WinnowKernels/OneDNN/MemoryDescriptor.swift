internal import COneDNN
internal import WinnowTensor

/// Owns a oneDNN memory descriptor: extents, element type and how they lie in memory.
final class MemoryDescriptor: @unchecked Sendable {
    let handle: OpaquePointer

    /// Explicit strides in elements; nil lets the primitive choose ("any").
    init(_ extents: [Int], _ elementType: ElementType, strides: [Int]?) throws {
        let extents = extents.isEmpty ? [1] : extents
        guard let type = elementType.dnnlType, extents.count <= Int(DNNL_MAX_NDIMS) else {
            throw WinnowError(.unsupported, "oneDNN", "has no \(elementType) tensors of rank \(extents.count)")
        }
        let dimensions = extents.map(Int64.init)
        var descriptor: OpaquePointer?
        let status =
            if let strides {
                dnnl_memory_desc_create_with_strides(
                    &descriptor, Int32(extents.count), dimensions, type, (strides.isEmpty ? [1] : strides).map(Int64.init))
            } else {
                dnnl_memory_desc_create_with_tag(&descriptor, Int32(extents.count), dimensions, type, dnnl_format_tag_any)
            }
        try OneDNN.check(status, "memory of shape \(Shape(extents))")
        handle = try Self.unwrap(descriptor)
    }

    /// A copy of a descriptor that another object owns.
    init(copying other: OpaquePointer?) throws {
        guard let other else { throw WinnowError(.unsupported, "oneDNN", "the primitive has no such argument") }
        var descriptor: OpaquePointer?
        try OneDNN.check(dnnl_memory_desc_clone(&descriptor, other), "memory descriptor")
        handle = try Self.unwrap(descriptor)
    }

    convenience init(_ shape: Shape, _ elementType: ElementType = .float32, _ layout: Layout = .rowMajor) throws {
        try self.init(shape.extents, elementType, strides: layout.strides(of: shape))
    }

    /// A dense row-major descriptor.
    convenience init(dense extents: [Int], _ elementType: ElementType = .float32) throws {
        try self.init(extents, elementType, strides: Shape(extents).strides)
    }

    convenience init(any extents: [Int], _ elementType: ElementType = .float32) throws {
        try self.init(extents, elementType, strides: nil)
    }

    deinit { dnnl_memory_desc_destroy(handle) }

    /// Whether the elements are integers of 8 bits.
    var holdsCodes: Bool {
        var type = dnnl_data_type_undef
        return dnnl_memory_desc_query(handle, dnnl_query_data_type, &type) == dnnl_success && (type == dnnl_s8 || type == dnnl_u8)
    }

    var byteCount: Int { dnnl_memory_desc_get_size(handle) }

    static func == (a: MemoryDescriptor, b: MemoryDescriptor) -> Bool { dnnl_memory_desc_equal(a.handle, b.handle) != 0 }

    private static func unwrap(_ descriptor: OpaquePointer?) throws -> OpaquePointer {
        guard let descriptor else { throw WinnowError(.unsupported, "oneDNN", "made no memory descriptor") }
        return descriptor
    }
}
