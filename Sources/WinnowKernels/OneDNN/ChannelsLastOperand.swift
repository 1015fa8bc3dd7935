internal import WinnowTensor

/// One operand of a channels-last primitive: row-major memory is copied through scratch memory on its way in or out, and so
/// is memory of another element type.
///
/// oneDNN's convolutions are slow with row-major operands, and hundreds of times slower with mixed or integer ones.
final class ChannelsLastOperand: @unchecked Sendable {
    enum Direction { case input, output }

    let descriptor: MemoryDescriptor
    private let copy: Repacking?
    private let offset: Int
    /// Scratch bytes of the copy itself; free again before the primitive runs.
    var stepScratchByteCount: Int { copy?.scratchByteCount ?? 0 }

    /// - Parameter readType: the type an input is converted to.
    init(
        _ shape: Shape, _ elementType: ElementType, _ layout: Layout, _ direction: Direction,
        read readType: ElementType? = nil, scratch: inout ScratchLayout
    ) throws {
        descriptor = try MemoryDescriptor(shape, readType ?? elementType, .channelsLast)
        let isSame = layout == .channelsLast || shape[1] == 1 || shape.dropFirst(2).allSatisfy { $0 == 1 }
        guard !isSame || readType ?? elementType != elementType else {
            copy = nil
            offset = 0
            return
        }
        let plain = try MemoryDescriptor(shape, elementType, isSame ? .channelsLast : .rowMajor)
        copy = direction == .input
            ? try Repacking(from: plain, to: descriptor) : try Repacking(from: descriptor, to: plain)
        offset = scratch.reserve(descriptor.byteCount)
    }

    /// Binds an input, copied first if it must be.
    func bind(
        _ slot: Int, of primitive: PreparedPrimitive, input: UnsafeRawPointer?, scratch: UnsafeMutableRawPointer?,
        step: UnsafeMutableRawPointer?
    ) throws {
        guard let copy, let input, let scratch else { return primitive.bind(slot, input) }
        try copy.run(source: input, target: scratch + offset, scratch: step)
        primitive.bind(slot, scratch + offset)
    }

    /// Binds an output or the scratch memory in its place.
    func bind(
        _ slot: Int, of primitive: PreparedPrimitive, output: UnsafeMutableRawPointer, scratch: UnsafeMutableRawPointer?
    ) {
        primitive.bind(slot, copy == nil ? output : scratch.map { $0 + offset } ?? output)
    }

    /// Copies an output to where it belongs, after the primitive ran.
    func finish(
        output: UnsafeMutableRawPointer, scratch: UnsafeMutableRawPointer?, step: UnsafeMutableRawPointer?
    ) throws {
        guard let copy, let scratch else { return }
        try copy.run(source: scratch + offset, target: output, scratch: step)
    }
}
