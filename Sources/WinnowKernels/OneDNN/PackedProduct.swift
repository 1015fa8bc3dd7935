internal import COneDNN
internal import WinnowTensor

/// A float32 product of dense rows with a matrix that is packed once and used often, on one thread.
final class PackedProduct: @unchecked Sendable {
    private let primitive: PreparedPrimitive
    private let packing: Repacking?
    private let packedOffset: Int
    private let stepOffset: Int

    /// - Parameters:
    ///   - plain: the matrix as it is given, `depth` by `columns`.
    ///   - targetStride: numbers from one row of the target to the next; nil: `columns`.
    init(
        rows: Int, _ depth: Int, _ columns: Int, right plain: MemoryDescriptor, hasBias: Bool = false, targetStride: Int? = nil,
        math: MathMode = .float32, _ scratch: inout ScratchLayout
    ) throws {
        let left = try MemoryDescriptor(dense: [rows, depth])
        let right = try MemoryDescriptor(any: [depth, columns])
        let target = try MemoryDescriptor([rows, columns], .float32, strides: [targetStride ?? columns, 1])
        let bias = hasBias ? try MemoryDescriptor(dense: [1, columns]) : nil
        let attributes = try PrimitiveAttributes(math: math)
        let descriptor = try PrimitiveDescriptor("product of \(rows)×\(depth)×\(columns)", .unshared) {
            dnnl_matmul_primitive_desc_create(&$0, $1, left.handle, right.handle, bias?.handle, target.handle, attributes.handle)
        }
        let packed = try descriptor.memory(dnnl_query_weights_md)
        packing = packed == plain ? nil : try Repacking(from: plain, to: packed, work: .unshared)
        var arguments: [PreparedPrimitive.Argument] = [
            .init(DNNL_ARG_SRC, left, .slot(Slot.source)), .init(DNNL_ARG_WEIGHTS, packed, .slot(Slot.filter)),
            .init(DNNL_ARG_DST, target, .slot(Slot.target)),
        ]
        if let bias { arguments.append(.init(DNNL_ARG_BIAS, bias, .slot(Slot.bias))) }
        primitive = try PreparedPrimitive(descriptor, arguments)
        packedOffset = scratch.reserve(packing == nil ? 0 : packed.byteCount)
        stepOffset = scratch.reserve(max(primitive.scratchByteCount, packing?.scratchByteCount ?? 0))
    }

    /// Takes a matrix, which must stay for the products that follow.
    func take(_ right: UnsafePointer<Float>, _ scratch: UnsafeMutableRawPointer) throws {
        try packing?.run(source: right, target: scratch + packedOffset, scratch: scratch + stepOffset)
        primitive.bind(Slot.filter, packing == nil ? UnsafeRawPointer(right) : UnsafeRawPointer(scratch + packedOffset))
    }

    func run(
        _ left: UnsafePointer<Float>, bias: UnsafePointer<Float>? = nil, to target: UnsafeMutablePointer<Float>,
        _ scratch: UnsafeMutableRawPointer
    ) throws {
        primitive.bind(Slot.source, left)
        primitive.bind(Slot.bias, bias)
        primitive.bind(Slot.target, target)
        try primitive.execute(scratch: scratch + stepOffset)
    }
}
