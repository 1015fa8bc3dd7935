internal import COneDNN
internal import WinnowTensor

/// A product of 8-bit codes with a constant 8-bit matrix, summed in 32 bits, prepared once. Not for two threads at a time.
///
/// Source is the left matrix, filter the right one; its channels are the N columns.
package final class IntegerMatMulKernel: @unchecked Sendable {
    private enum Computation {
        case integer(PreparedPrimitive, RuntimeEncoding?, FilterZeroPointTerm?, scratchOffset: Int)
        case dequantized(DequantizedMatMul)
    }

    private let computation: Computation
    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package let scratchByteCount: Int

    package init(_ geometry: MatMulGeometry, _ contraction: IntegerContraction) throws {
        try geometry.validate()
        let geometry = geometry.folded
        let subject = "matrix product \(geometry.leftShape) · \(geometry.rightShape)"
        try contraction.validate(channels: geometry.columns, subject: subject)
        let (columns, depth) = (geometry.columns, geometry.depth)
        func channel(_ index: Int) -> Int { geometry.transposesRight ? index / depth % columns : index % columns }
        var (contraction, scratch) = (contraction, ScratchLayout())
        let isFlat = geometry.leftShape.rank == 2 && geometry.rightShape.rank == 2 && !geometry.transposesLeft
        let flat = ConvolutionGeometry(sourceShape: [geometry.rows, depth], filterShape: [columns, depth])
        if depth > 0, OneDNN.hasExactIntegerDotProduct,
            let (codes, term) = isFlat
                ? FilterZeroPointTerm.codes(
                    of: &contraction, channel: channel, flat, layout: .rowMajor, scratch: &scratch)
                : contraction.filter.symmetric(count: geometry.rightShape.elementCount, channel: channel).map({ ($0, nil) })
        {
            let (primitive, runtime) = try Self.primitive(geometry, contraction, codes, subject)
            computation = .integer(primitive, runtime, term, scratchOffset: scratch.reserve(primitive.scratchByteCount))
            scratchByteCount = scratch.byteCount
        } else {
            let fallback = try DequantizedMatMul(geometry, contraction)
            computation = .dequantized(fallback)
            scratchByteCount = fallback.scratchByteCount
        }
    }

    private static func primitive(
        _ geometry: MatMulGeometry, _ contraction: IntegerContraction, _ codes: Tensor, _ subject: String
    ) throws -> (PreparedPrimitive, RuntimeEncoding?) {
        let targetShape = geometry.targetShape
        let (leftView, rightView) = (geometry.leftView, geometry.rightView)
        let left = try MemoryDescriptor(leftView.extents, contraction.source.elementType, strides: leftView.strides)
        let to = try MemoryDescriptor(dense: targetShape.extents, contraction.target.elementType)
        let any = try MemoryDescriptor(any: rightView.extents, .int8)
        let (columns, depth) = (geometry.columns, geometry.depth)
        let edges = try IntegerEdges(
            contraction, filterMask: 1 << Int32(targetShape.rank - 1),
            filterSums: geometry.rightShape.elementCount > columns * depth
                ? nil : IntegerFilter.sums(of: codes, channels: columns) { geometry.transposesRight ? $0 / depth : $0 % columns },
            targetExtents: targetShape.extents, targetStrides: targetShape.strides)
        let vector = try edges.bias.map {
            try MemoryDescriptor(dense: [Int](repeating: 1, count: targetShape.rank - 1) + [$0.count])
        }
        let descriptor = try PrimitiveDescriptor(subject, .codeProducts(geometry.productCount)) {
            dnnl_matmul_primitive_desc_create(
                &$0, $1, left.handle, any.handle, vector?.handle, to.handle, edges.attributes.handle)
        }
        let packed = try descriptor.memory(dnnl_query_weights_md)
        let storage = try Repacking.packed(
            codes.memory.storage.base, from: MemoryDescriptor(rightView.extents, .int8, strides: rightView.strides),
            to: packed)
        withExtendedLifetime(codes) {}
        var arguments: [PreparedPrimitive.Argument] = [
            .init(DNNL_ARG_SRC, left, .slot(Slot.source)), .init(DNNL_ARG_WEIGHTS, packed, .constant(storage)),
            .init(DNNL_ARG_DST, to, .slot(Slot.target)),
        ]
        if let vector, let bias = edges.bias {
            arguments.append(.init(DNNL_ARG_BIAS, vector, .constant(Tensor(bias).memory.storage)))
        }
        return (try PreparedPrimitive(descriptor, arguments + edges.arguments), edges.runtime)
    }

    /// oneDNN's name of the chosen implementation.
    package var implementation: String {
        switch computation {
        case .integer(let primitive, _, _, _): primitive.implementation
        case .dequantized(let fallback): "dequantized " + fallback.implementation
        }
    }

    /// Multiplies. `encoding` is that of a dynamic source; `residual` is ignored unless declared.
    package func run(
        left: UnsafeRawPointer, encoding: AffineEncoding? = nil, residual: UnsafeRawPointer? = nil, target: UnsafeMutableRawPointer,
        scratch: UnsafeMutableRawPointer?
    ) throws {
        switch computation {
        case .integer(let primitive, let runtime, let term, let scratchOffset):
            if let encoding { runtime?.set(encoding) }
            let residual = term.flatMap { term in
                scratch.map { term.write(left, encoding: encoding, scratch: $0) }
            } ?? residual
            primitive.bind(Slot.source, left)
            primitive.bind(Slot.residual, residual)
            primitive.bind(Slot.target, target)
            try primitive.execute(scratch: scratch.map { $0 + scratchOffset })
        case .dequantized(let fallback):
            try fallback.run(left: left, encoding: encoding, residual: residual, target: target, scratch: scratch)
        }
    }
}
