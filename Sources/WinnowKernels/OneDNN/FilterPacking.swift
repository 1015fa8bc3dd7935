internal import COneDNN
internal import WinnowTensor

/// How a filter reaches a primitive: packed once if constant, else packed into scratch memory in each run.
final class FilterPacking: @unchecked Sendable {
    /// The primitive's filter argument.
    let argument: PreparedPrimitive.Argument
    private let repacking: Repacking?
    private let offset: Int
    /// Scratch bytes of the packing step itself; free again before the primitive runs.
    var stepScratchByteCount: Int { repacking?.scratchByteCount ?? 0 }

    init(
        plain: MemoryDescriptor, packed: MemoryDescriptor, constant: UnsafeRawPointer?, scratch: inout ScratchLayout
    ) throws {
        if let constant {
            let storage = try Repacking.packed(constant, from: plain, to: packed)
            argument = .init(DNNL_ARG_WEIGHTS, packed, .constant(storage))
            repacking = nil
            offset = 0
        } else {
            argument = .init(DNNL_ARG_WEIGHTS, packed, .slot(Slot.filter))
            repacking = packed == plain ? nil : try Repacking(from: plain, to: packed)
            offset = scratch.reserve(repacking == nil ? 0 : packed.byteCount)
        }
    }

    /// Packs `filter` if this run must, and binds it.
    func prepare(
        _ primitive: PreparedPrimitive, filter: UnsafeRawPointer?, scratch: UnsafeMutableRawPointer?,
        stepScratch: UnsafeMutableRawPointer?
    ) throws {
        guard let repacking, let filter, let scratch else { return primitive.bind(Slot.filter, filter) }
        try repacking.run(source: filter, target: scratch + offset, scratch: stepScratch)
        primitive.bind(Slot.filter, scratch + offset)
    }
}
