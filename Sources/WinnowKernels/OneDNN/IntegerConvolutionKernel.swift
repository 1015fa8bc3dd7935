internal import COneDNN
package import WinnowTensor

/// A convolution of 8-bit codes with a constant 8-bit filter, summed in 32 bits, prepared once. Not for two threads at a time.
///
/// target = encode(epilogue(Σ scale·(source − zero point) · filterScale·(filter − zero point) + bias)); pads are real zeros.
package final class IntegerConvolutionKernel: @unchecked Sendable {
    private enum Computation {
        case integer(SpatialContraction, RuntimeEncoding?, FilterZeroPointTerm?)
        case dequantized(DequantizedConvolution)
    }

    private let computation: Computation
    /// Bytes of 64-byte-aligned scratch memory that `run` needs.
    package let scratchByteCount: Int

    /// - Parameter bias: one real number for each output channel.
    package init(
        _ geometry: ConvolutionGeometry, source: IntegerSource, sourceLayout: Layout, filter: IntegerFilter,
        bias: [Float]? = nil, target: IntegerTarget, targetLayout: Layout, epilogue: Epilogue = .none
    ) throws {
        try geometry.validate()
        let geometry = geometry.compact
        let channels = geometry.filterShape[0]
        try IntegerEdges.validate(
            source: source, target: target, bias: bias, epilogue: epilogue, subject: geometry.subject)
        try filter.validate(channels: channels, subject: geometry.subject)
        guard bias == nil || bias?.count == channels else {
            throw WinnowError(.shape, geometry.subject, "\(bias?.count ?? 0) biases for \(channels) channels")
        }
        let perChannel = geometry.filterShape.elementCount / channels
        var (epilogue, scratch) = (epilogue, ScratchLayout())
        if OneDNN.hasExactIntegerDotProduct,
            let (codes, term) = FilterZeroPointTerm.codes(
                of: filter, channel: { $0 / perChannel }, geometry, source: source, layout: sourceLayout, target: target,
                epilogue: &epilogue, scratch: &scratch)
        {
            let (contraction, runtime) = try Self.contraction(
                geometry, source, sourceLayout, codes, filter.scales, bias, target, targetLayout, epilogue,
                residualLayout: term == nil ? targetLayout : .channelsLast, scratch)
            computation = .integer(contraction, runtime, term)
            scratchByteCount = contraction.scratchByteCount
        } else {
            let fallback = try DequantizedConvolution(
                geometry, source: source, sourceLayout: sourceLayout, filter: filter, bias: bias, target: target,
                targetLayout: targetLayout, epilogue: epilogue)
            computation = .dequantized(fallback)
            scratchByteCount = fallback.scratchByteCount
        }
    }

    private static func contraction(
        _ geometry: ConvolutionGeometry, _ encoding: IntegerSource, _ sourceLayout: Layout, _ codes: Tensor,
        _ filterScales: [Float], _ bias: [Float]?, _ result: IntegerTarget, _ targetLayout: Layout,
        _ epilogue: Epilogue, residualLayout: Layout, _ scratch: ScratchLayout
    ) throws -> (SpatialContraction, RuntimeEncoding?) {
        let targetShape = geometry.targetShape
        var scratch = scratch
        let source = try ChannelsLastOperand(
            geometry.sourceShape, encoding.elementType, sourceLayout, .input, scratch: &scratch)
        let target = try ChannelsLastOperand(targetShape, result.elementType, targetLayout, .output, scratch: &scratch)
        let residual = try epilogue.residualType.map {
            try ChannelsLastOperand(targetShape, $0, residualLayout, .input, scratch: &scratch)
        }
        let channels = geometry.filterShape[0]
        let perChannel = geometry.filterShape.elementCount / channels
        // Scales vary along the output channels: axis 0, and the group axis before it.
        let edges = try IntegerEdges(
            source: encoding, filterScales: filterScales, filterMask: geometry.groups == 1 ? 1 : 3,
            filterSums: geometry.isPadded
                ? nil : IntegerFilter.sums(of: codes, channels: channels) { $0 / perChannel },
            bias: bias, target: result, epilogue: epilogue, targetExtents: targetShape.extents,
            targetStrides: Layout.channelsLast.strides(of: targetShape))
        let vector = try edges.bias.map { try MemoryDescriptor(dense: [$0.count]) }
        let descriptor = try geometry.forwardDescriptor(
            source: source.descriptor, filter: MemoryDescriptor(any: geometry.filterExtents, .int8), bias: vector,
            target: target.descriptor, edges.attributes,
            work: geometry.filterShape[1] == 1 ? geometry.work : .codeProducts(geometry.productCount))
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
        let contraction = SpatialContraction(
            try PreparedPrimitive(descriptor, arguments + edges.arguments), packing: nil, source: source,
            target: target, residual: residual, scratch: scratch)
        return (contraction, edges.runtime)
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
