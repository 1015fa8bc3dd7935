internal import COneDNN
internal import WinnowTensor

/// Owns a oneDNN primitive descriptor: the implementation chosen for given memory descriptors and attributes.
final class PrimitiveDescriptor {
    let handle: OpaquePointer
    let subject: String
    /// oneDNN divides the work when it makes the primitive: runs must use the same count.
    let threadCount: Int

    /// Runs `create` with the CPU engine; `subject` names the work in errors.
    init(_ subject: String, _ work: Work, _ create: (inout OpaquePointer?, OpaquePointer) -> dnnl_status_t) throws {
        threadCount = ThreadCount.worth(work)
        ThreadCount.applyToCurrentThread(threadCount)
        var descriptor: OpaquePointer?
        try OneDNN.check(create(&descriptor, OneDNN.engine()), subject)
        guard let descriptor else { throw WinnowError(.unsupported, subject, "oneDNN has no implementation") }
        handle = descriptor
        self.subject = subject
    }

    deinit { dnnl_primitive_desc_destroy(handle) }

    /// The memory descriptor the implementation chose for an argument.
    func memory(_ query: dnnl_query_t, _ index: Int32 = 0) throws -> MemoryDescriptor {
        try MemoryDescriptor(copying: dnnl_primitive_desc_query_md(handle, query, index))
    }

    /// The bytes of the memory the implementation wants for an argument; 0 if it has none.
    func byteCount(_ query: dnnl_query_t) -> Int {
        guard let descriptor = dnnl_primitive_desc_query_md(handle, query, 0) else { return 0 }
        return dnnl_memory_desc_get_size(descriptor)
    }

    /// oneDNN's name of the implementation, such as `brgconv:avx512_core`.
    var implementation: String {
        var name: UnsafePointer<CChar>?
        guard dnnl_primitive_desc_query(handle, dnnl_query_impl_info_str, 0, &name) == dnnl_success, let name else {
            return "unknown"
        }
        return String(cString: name)
    }
}
