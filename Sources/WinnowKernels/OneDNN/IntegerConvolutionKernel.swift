internal import COneDNN
internal import WinnowTensor

/// A convolution of 8-bit codes with a constant 8-bit filter, summed in 32 bits, prepared once. Not for two threads at a time.
///
/// Pads are real zeros.
package final class IntegerConvolutionKernel: @unchecked Sendable {
    private enum Computation {
        case integer(SpatialContraction, RuntimeEncoding?, FilterZeroPointTerm?)
        case dequantized(DequantizedConvolution)
    }

    private let computation: Computation
    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package let scratchByteCount: Int

    package init(_ geometry: ConvolutionGeometry, _ layouts: OperandLayouts, _ contraction: IntegerContraction) throws {
        try geometry.validate()
        let geometry = geometry.compact
        let channels = geometry.filterShape[0]
        try contraction.validate(channels: channels, subject: geometry.subject)
        let perChannel = geometry.filterShape.elementCount / channels
        var (contraction, scratch) = (contraction, ScratchLayout())
        if OneDNN.hasExactIntegerDotProduct,
            let (codes, term) = FilterZeroPointTerm.codes(
                of: &contraction, channel: { $0 / perChannel }, geometry, layout: layouts.source, scratch: &scratch)
        {
            let (spatial, runtime) = try Self.contraction(
                geometry, layouts, contraction, codes, residualLayout: term == nil ? layouts.target : .channelsLast, scratch)
            computation = .integer(spatial, runtime, term)
            scratchByteCount = spatial.scratchByteCount
        } else {
            let fallback = try DequantizedConvolution(geometry, layouts, contraction)
            computation = .dequantized(fallback)
            scratchByteCount = fallback.scratchByteCount
        }
    }

    private static func contraction(
        _ geometry: ConvolutionGeometry, _ layouts: OperandLayouts, _ contraction: IntegerContraction, _ codes: Tensor,
        residualLayout: Layout, _ scratch: ScratchLayout
    ) throws -> (SpatialContraction, RuntimeEncoding?) {
        let targetShape = geometry.targetShape
        var scratch = scratch
        let source = try ChannelsLastOperand(
            geometry.sourceShape, contraction.source.elementType, layouts.source, .input, scratch: &scratch)
        let target = try ChannelsLastOperand(
            targetShape, contraction.target.elementType, layouts.target, .output, scratch: &scratch)
        let residual = try contraction.epilogue.residualType.map {
            try ChannelsLastOperand(targetShape, $0, residualLayout, .input, scratch: &scratch)
        }
        let channels = geometry.filterShape[0]
        let perChannel = geometry.filterShape.elementCount / channels
        // Scales vary along the output channels: axis 0, and the group axis before it.
        let edges = try IntegerEdges(
            contraction, filterMask: geometry.groups == 1 ? 1 : 3,
            filterSums: geometry.window.isPadded
                ? nil : IntegerFilter.sums(of: codes, channels: channels) { $0 / perChannel },
            targetExtents: targetShape.extents, targetStrides: Layout.channelsLast.strides(of: targetShape))
        let vector = try edges.bias.map { try MemoryDescriptor(dense: [$0.count]) }
        let descriptor = try geometry.forwardDescriptor(
            source: source.descriptor, filter: MemoryDescriptor(any: geometry.filterExtents, .int8), bias: vector,
            target: target.descriptor, edges.attributes)
        let packed = try descriptor.memory(dnnl_query_weights_md)
        let storage = try Repacking.packed(
            codes.memory.storage.base, from: MemoryDescriptor(dense: geometry.filterExtents, .int8), to: packed)
        withExtendedLifetime(codes) {}
        var arguments: [PreparedPrimitive.Argument] = [
            .init(DNNL_ARG_SRC, source.descriptor, .slot(Slot.source)),
            .init(DNNL_ARG_WEIGHTS, packed, .constant(storage)),
            .init(DNNL_ARG_DST, target.descriptor, .slot(Slot.target)),
        ]
        if let vector, let bias = edges.bias {
            arguments.append(.init(DNNL_ARG_BIAS, vector, .constant(Tensor(bias).memory.storage)))
        }
        let spatial = SpatialContraction(
            try PreparedPrimitive(descriptor, arguments + edges.arguments), packing: nil, source: source,
            target: target, residual: residual, scratch: scratch)
        return (spatial, edges.runtime)
    }

    /// oneDNN's name of the chosen implementation.
    package var implementation: String {
        switch computation {
        case .integer(let contraction, _, _): contraction.implementation
        case .dequantized(let fallback): "dequantized " + fallback.implementation
        }
    }

    /// Convolves. `encoding` is that of a dynamic source; `residual` is ignored unless declared.
    package func run(
        source: UnsafeRawPointer, encoding: AffineEncoding? = nil, residual: UnsafeRawPointer? = nil, target: UnsafeMutableRawPointer,
        scratch: UnsafeMutableRawPointer?
    ) throws {
        switch computation {
        case .integer(let contraction, let runtime, let term):
            if let encoding { runtime?.set(encoding) }
            let residual = term.flatMap { term in
                scratch.map { term.write(source, encoding: encoding, scratch: $0) }
            } ?? residual
            try contraction.run(source: source, residual: residual, target: target, scratch: scratch)
        case .dequantized(let fallback):
            try fallback.run(source: source, encoding: encoding, residual: residual, target: target, scratch: scratch)
        }
    }
}
