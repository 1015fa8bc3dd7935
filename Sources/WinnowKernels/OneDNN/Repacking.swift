internal import COneDNN
internal import WinnowTensor

/// Copies memory from one layout to another with oneDNN, at plan time or as a step of a run.
final class Repacking: @unchecked Sendable {
    private let primitive: PreparedPrimitive

    init(from source: MemoryDescriptor, to target: MemoryDescriptor, work: Work? = nil) throws {
        let attributes = try PrimitiveAttributes()
        let descriptor = try PrimitiveDescriptor("repacking", work ?? .elements(source.byteCount / 4)) { result, engine in
            dnnl_reorder_primitive_desc_create(&result, source.handle, engine, target.handle, engine, attributes.handle)
        }
        primitive = try PreparedPrimitive(
            descriptor,
            [
                .init(DNNL_ARG_FROM, source, .slot(Slot.source)),
                .init(DNNL_ARG_TO, target, .slot(Slot.target)),
            ])
    }

    var scratchByteCount: Int { primitive.scratchByteCount }

    func run(source: UnsafeRawPointer, target: UnsafeMutableRawPointer, scratch: UnsafeMutableRawPointer?) throws {
        primitive.bind(Slot.source, source)
        primitive.bind(Slot.target, target)
        try primitive.execute(scratch: scratch)
    }

    /// The memory at `source` in the layout of `target`, in storage of its own.
    static func packed(
        _ source: UnsafeRawPointer, from plain: MemoryDescriptor, to target: MemoryDescriptor
    ) throws -> TensorStorage {
        let packing = try Repacking(from: plain, to: target)
        let storage = TensorStorage(byteCount: target.byteCount)
        let scratch = TensorStorage(byteCount: packing.scratchByteCount)
        try packing.run(source: source, target: storage.base, scratch: scratch.base)
        return storage
    }
}
