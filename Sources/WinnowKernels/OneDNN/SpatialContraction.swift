internal import COneDNN
internal import WinnowTensor

/// A primitive that maps a source and a filter to a target, with packing and copies around it, prepared once.
final class SpatialContraction: @unchecked Sendable {
    private let primitive: PreparedPrimitive
    private let packing: OperandPacking?
    private let source: ChannelsLastOperand
    private let target: ChannelsLastOperand
    private let residual: ChannelsLastOperand?
    private let stepOffset: Int
    let scratchByteCount: Int
    var implementation: String { primitive.implementation }

    /// - Parameter packing: nil if the filter is among the primitive's constants.
    init(
        _ primitive: PreparedPrimitive, packing: OperandPacking?, source: ChannelsLastOperand,
        target: ChannelsLastOperand, residual: ChannelsLastOperand? = nil, scratch: ScratchLayout
    ) {
        var scratch = scratch
        self.primitive = primitive
        self.packing = packing
        self.source = source
        self.target = target
        self.residual = residual
        stepOffset = scratch.reserve(
            max(
                primitive.scratchByteCount, packing?.stepScratchByteCount ?? 0, source.stepScratchByteCount,
                target.stepScratchByteCount, residual?.stepScratchByteCount ?? 0))
        scratchByteCount = scratch.byteCount
    }

    func run(
        source from: UnsafeRawPointer, filter: UnsafeRawPointer? = nil, bias: UnsafeRawPointer? = nil,
        residual added: UnsafeRawPointer? = nil, target to: UnsafeMutableRawPointer, scratch: UnsafeMutableRawPointer?
    ) throws {
        let step = scratch.map { $0 + stepOffset }
        try packing?.prepare(primitive, filter, scratch: scratch, stepScratch: step)
        try source.bind(Slot.source, of: primitive, input: from, scratch: scratch, step: step)
        try residual?.bind(Slot.residual, of: primitive, input: added, scratch: scratch, step: step)
        primitive.bind(Slot.bias, bias)
        target.bind(Slot.target, of: primitive, output: to, scratch: scratch)
        try primitive.execute(scratch: step)
        try target.finish(output: to, scratch: scratch, step: step)
    }
}
