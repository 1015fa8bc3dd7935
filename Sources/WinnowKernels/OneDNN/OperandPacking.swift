internal import COneDNN
internal import WinnowTensor

/// How an operand reaches a primitive: packed once if constant, else packed into scratch memory in each run.
final class OperandPacking: @unchecked Sendable {
    /// The primitive's argument.
    let argument: PreparedPrimitive.Argument
    private let repacking: Repacking?
    private let offset: Int
    private let slot: Int
    /// Scratch bytes of the packing step itself; free again before the primitive runs.
    var stepScratchByteCount: Int { repacking?.scratchByteCount ?? 0 }

    init(
        plain: MemoryDescriptor, packed: MemoryDescriptor, constant: UnsafeRawPointer?,
        index: Int32 = DNNL_ARG_WEIGHTS, slot: Int = Slot.filter, scratch: inout ScratchLayout
    ) throws {
        self.slot = slot
        if let constant {
            let storage = try Repacking.packed(constant, from: plain, to: packed)
            argument = .init(index, packed, .constant(storage))
            repacking = nil
            offset = 0
        } else {
            argument = .init(index, packed, .slot(slot))
            repacking = packed == plain ? nil : try Repacking(from: plain, to: packed)
            offset = scratch.reserve(repacking == nil ? 0 : packed.byteCount)
        }
    }

    /// Packs `operand` if this run must, and binds it.
    func prepare(
        _ primitive: PreparedPrimitive, _ operand: UnsafeRawPointer?, scratch: UnsafeMutableRawPointer?,
        stepScratch: UnsafeMutableRawPointer?
    ) throws {
        guard let repacking, let operand, let scratch else { return primitive.bind(slot, operand) }
        try repacking.run(source: operand, target: scratch + offset, scratch: stepScratch)
        primitive.bind(slot, scratch + offset)
    }
}
