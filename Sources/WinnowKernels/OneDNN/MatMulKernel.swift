internal import COneDNN
internal import WinnowTensor

/// target = alpha · left · right + bias in float32 with fused steps, prepared once. Not for two threads at a time.
package final class MatMulKernel: @unchecked Sendable {
    private let primitive: PreparedPrimitive
    private let leftPacking: OperandPacking
    private let rightPacking: OperandPacking
    private let primitiveOffset: Int
    /// Stands for the left operand where nothing is summed: oneDNN leaves such a target as it was.
    private let nothing: Tensor?
    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package let scratchByteCount: Int

    /// - Parameters:
    ///   - constantRight: float32 in `geometry.rightShape`, packed and owned here; nil: given at each run.
    ///   - hasBias: whether a vector of N numbers is added to every row.
    package init(
        _ geometry: MatMulGeometry, constantRight: UnsafeRawPointer? = nil, hasBias: Bool = false, alpha: Float = 1,
        epilogue: Epilogue = .none, math: MathMode = .float32
    ) throws {
        try geometry.validate()
        let isSum = geometry.depth > 0
        let geometry = (isSum ? geometry : geometry.withDepth(1)).folded
        nothing = isSum ? nil : Tensor(zeros: geometry.leftShape)
        let zeros = isSum ? nil : Tensor(zeros: geometry.rightShape)
        let constantRight = zeros.map { UnsafeRawPointer($0.memory.storage.base) } ?? constantRight
        defer { withExtendedLifetime(zeros) {} }
        let targetShape = geometry.targetShape
        let (leftView, rightView) = (geometry.leftView, geometry.rightView)
        let target = try MemoryDescriptor(dense: targetShape.extents)
        let bias = hasBias
            ? try MemoryDescriptor(dense: [Int](repeating: 1, count: targetShape.rank - 1) + [geometry.columns]) : nil
        let attributes = try PrimitiveAttributes()
        let scalesFirst = alpha != 1
        if scalesFirst {
            try attributes.append(dnnl_eltwise_linear, alpha, 0)
            if let bias { try attributes.append(binary: dnnl_binary_add, bias, slot: Slot.bias) }
        }
        try attributes.append(
            epilogue, targetExtents: targetShape.extents, targetStrides: targetShape.strides, residual: Slot.residual)
        try attributes.seal()
        let firstBias = scalesFirst ? nil : bias
        let largest = max(geometry.leftShape.elementCount, geometry.rightShape.elementCount, targetShape.elementCount)
        let (type, descriptor) = try math.choose(products: geometry.productCount, largestOperand: largest) { type in
            let left = try MemoryDescriptor(leftView.extents, type, strides: leftView.strides)
            let right = try MemoryDescriptor(
                rightView.extents, type, strides: constantRight == nil ? rightView.strides : nil)
            return try PrimitiveDescriptor(
                "matrix product \(geometry.leftShape) · \(geometry.rightShape)", .products(geometry.productCount)
            ) {
                dnnl_matmul_primitive_desc_create(
                    &$0, $1, left.handle, right.handle, firstBias?.handle, target.handle, attributes.handle)
            }
        }
        var scratch = ScratchLayout()
        leftPacking = try OperandPacking(
            plain: MemoryDescriptor(leftView.extents, .float32, strides: leftView.strides),
            packed: MemoryDescriptor(leftView.extents, type, strides: leftView.strides), constant: nil,
            index: DNNL_ARG_SRC, slot: Slot.source, scratch: &scratch)
        rightPacking = try OperandPacking(
            plain: MemoryDescriptor(rightView.extents, .float32, strides: rightView.strides),
            packed: descriptor.memory(dnnl_query_weights_md), constant: constantRight, scratch: &scratch)
        var arguments: [PreparedPrimitive.Argument] = [
            leftPacking.argument, rightPacking.argument,
            .init(DNNL_ARG_DST, target, .slot(Slot.target)),
        ]
        if let firstBias { arguments.append(.init(DNNL_ARG_BIAS, firstBias, .slot(Slot.bias))) }
        primitive = try PreparedPrimitive(descriptor, arguments + attributes.postOperationArguments)
        primitiveOffset = scratch.reserve(
            max(primitive.scratchByteCount, leftPacking.stepScratchByteCount, rightPacking.stepScratchByteCount))
        scratchByteCount = scratch.byteCount
    }

    /// oneDNN's name of the chosen implementation.
    package var implementation: String { primitive.implementation }

    /// Multiplies. `right` is ignored if it is constant, `bias` and `residual` unless declared.
    package func run(
        left: UnsafeRawPointer, right: UnsafeRawPointer? = nil, bias: UnsafeRawPointer? = nil,
        residual: UnsafeRawPointer? = nil, target: UnsafeMutableRawPointer, scratch: UnsafeMutableRawPointer?
    ) throws {
        let primitiveScratch = scratch.map { $0 + primitiveOffset }
        let left = nothing.map { UnsafeRawPointer($0.memory.storage.base) } ?? left
        try leftPacking.prepare(primitive, left, scratch: scratch, stepScratch: primitiveScratch)
        try rightPacking.prepare(primitive, right, scratch: scratch, stepScratch: primitiveScratch)
        primitive.bind(Slot.bias, bias)
        primitive.bind(Slot.residual, residual)
        primitive.bind(Slot.target, target)
        try primitive.execute(scratch: primitiveScratch)
    }
}
