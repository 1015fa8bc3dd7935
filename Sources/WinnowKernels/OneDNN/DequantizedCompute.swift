internal import WinnowTensor

/// Brings codes to float32 before a float32 kernel and back after it, where the CPU sums 8-bit products inexactly.
final class DequantizedEdges: @unchecked Sendable {
    private let decoding: DequantizeKernel
    private let source: AffineEncoding
    private let encoding: ReorderKernel?
    private let residualDecoding: ReorderKernel?
    private let sourceOffset: Int
    private let residualOffset: Int
    private let targetOffset: Int
    private let edgeOffset: Int
    private let kernelOffset: Int
    let scratchByteCount: Int

    /// Constant sources become `code − zero point`: their scale is left to the filter, so that sums of codes stay whole
    /// numbers.
    init(
        _ contraction: IntegerContraction, sourceShape: Shape, targetShape: Shape, targetStrides: [Int],
        kernelScratchByteCount: Int
    ) throws {
        let source = contraction.source
        decoding = try DequantizeKernel(from: source.elementType, ScaleLayout(perTensor: sourceShape))
        self.source = AffineEncoding(source.elementType, scale: 1, zeroPoint: source.known.zeroPoint)
        let real = ReorderKernel.Side(.float32, strides: targetStrides)
        encoding =
            switch contraction.target {
            case .float32: nil
            case .accumulators: try ReorderKernel(targetShape, from: real, to: .init(.int32, strides: targetStrides))
            case .codes(let codes):
                try ReorderKernel(
                    targetShape, from: real,
                    to: .init(codes.elementType, strides: targetStrides, scale: codes.scale, zeroPoint: codes.zeroPoint))
            }
        residualDecoding = try contraction.epilogue.encodedResidual.map {
            try ReorderKernel(
                targetShape,
                from: .init($0.elementType, strides: targetStrides, scale: $0.scale, zeroPoint: $0.zeroPoint), to: real)
        }
        var scratch = ScratchLayout()
        sourceOffset = scratch.reserve(sourceShape.elementCount, of: .float32)
        targetOffset = scratch.reserve(encoding == nil ? 0 : targetShape.elementCount, of: .float32)
        residualOffset = scratch.reserve(residualDecoding == nil ? 0 : targetShape.elementCount, of: .float32)
        edgeOffset = scratch.reserve(
            max(encoding?.scratchByteCount ?? 0, residualDecoding?.scratchByteCount ?? 0))
        kernelOffset = scratch.reserve(kernelScratchByteCount)
        scratchByteCount = scratch.byteCount
    }

    /// Decodes, calls `compute(source, residual, target, scratch)` on float32, encodes.
    func run(
        source: UnsafeRawPointer, encoding runtime: AffineEncoding?, residual: UnsafeRawPointer?,
        target: UnsafeMutableRawPointer, scratch: UnsafeMutableRawPointer?,
        _ compute: (
            UnsafeRawPointer, UnsafeRawPointer?, UnsafeMutableRawPointer, UnsafeMutableRawPointer
        ) throws -> Void
    ) throws {
        guard let scratch else { throw WinnowError(.unsupported, "integer kernel", "needs scratch memory") }
        (runtime ?? self.source).withEncodings {
            decoding.run(source, $0, to: (scratch + sourceOffset).assumingMemoryBound(to: Float.self))
        }
        let real = encoding == nil ? target : scratch + targetOffset
        var added = residual
        if let residualDecoding, let residual {
            try residualDecoding.run(source: residual, target: scratch + residualOffset, scratch: scratch + edgeOffset)
            added = UnsafeRawPointer(scratch + residualOffset)
        }
        try compute(UnsafeRawPointer(scratch + sourceOffset), added, real, scratch + kernelOffset)
        try encoding?.run(source: real, target: target, scratch: scratch + edgeOffset)
    }
}

extension IntegerContraction {
    /// The filter in float32, of which `channel` tells the output channel of each code; sums of codes keep their scales out.
    fileprivate func realFilter(count: Int, channel: (Int) -> Int) -> Tensor {
        filter.dequantized(count: count, factor: source.known.scale, appliesScales: target != .accumulators, channel: channel)
    }
}

extension Epilogue {
    /// How the residual's codes stand for reals; nil if there is no residual or it is real already.
    fileprivate var encodedResidual: AffineEncoding? {
        for step in steps {
            if case .addResidual(let type, let scale, let zeroPoint) = step, type != .float32 {
                return AffineEncoding(type, scale: scale, zeroPoint: zeroPoint)
            }
        }
        return nil
    }

    /// The same steps over a residual of reals.
    fileprivate var withDecodedResidual: Epilogue {
        guard encodedResidual != nil else { return self }
        return Epilogue(steps.map { if case .addResidual = $0 { .addResidual() } else { $0 } })
    }
}

/// An integer convolution computed in float32.
final class DequantizedConvolution: @unchecked Sendable {
    private let kernel: ConvolutionKernel
    private let edges: DequantizedEdges
    private let bias: Tensor?
    var scratchByteCount: Int { edges.scratchByteCount }
    var implementation: String { kernel.implementation }

    init(_ geometry: ConvolutionGeometry, _ layouts: OperandLayouts, _ contraction: IntegerContraction) throws {
        let count = geometry.filterShape.elementCount
        let perChannel = count / geometry.filterShape[0]
        let values = contraction.realFilter(count: count) { $0 / perChannel }
        kernel = try ConvolutionKernel(
            geometry, layouts, constantFilter: values.memory.storage.base, hasBias: contraction.bias != nil,
            epilogue: contraction.epilogue.withDecodedResidual)
        withExtendedLifetime(values) {}
        bias = contraction.bias.map { Tensor($0) }
        edges = try DequantizedEdges(
            contraction, sourceShape: geometry.sourceShape, targetShape: geometry.targetShape,
            targetStrides: layouts.target.strides(of: geometry.targetShape), kernelScratchByteCount: kernel.scratchByteCount)
    }

    func run(
        source: UnsafeRawPointer, encoding: AffineEncoding?, residual: UnsafeRawPointer?,
        target: UnsafeMutableRawPointer, scratch: UnsafeMutableRawPointer?
    ) throws {
        try edges.run(
            source: source, encoding: encoding, residual: residual, target: target, scratch: scratch
        ) { real, added, result, scratch in
            try kernel.run(
                source: real, bias: bias.map { UnsafeRawPointer($0.memory.storage.base) }, residual: added,
                target: result, scratch: scratch)
        }
    }
}

/// An integer matrix product computed in float32.
final class DequantizedMatMul: @unchecked Sendable {
    private let kernel: MatMulKernel
    private let edges: DequantizedEdges
    private let bias: Tensor?
    var scratchByteCount: Int { edges.scratchByteCount }
    var implementation: String { kernel.implementation }

    init(_ geometry: MatMulGeometry, _ contraction: IntegerContraction) throws {
        let columns = geometry.columns
        let depth = geometry.depth
        let values = contraction.realFilter(count: geometry.rightShape.elementCount) {
            geometry.transposesRight ? $0 / depth % columns : $0 % columns
        }
        kernel = try MatMulKernel(
            geometry, constantRight: values.memory.storage.base, hasBias: contraction.bias != nil,
            epilogue: contraction.epilogue.withDecodedResidual)
        withExtendedLifetime(values) {}
        bias = contraction.bias.map { Tensor($0) }
        edges = try DequantizedEdges(
            contraction, sourceShape: geometry.leftShape, targetShape: geometry.targetShape,
            targetStrides: geometry.targetShape.strides, kernelScratchByteCount: kernel.scratchByteCount)
    }

    func run(
        left: UnsafeRawPointer, encoding: AffineEncoding?, residual: UnsafeRawPointer?,
        target: UnsafeMutableRawPointer, scratch: UnsafeMutableRawPointer?
    ) throws {
        try edges.run(
            source: left, encoding: encoding, residual: residual, target: target, scratch: scratch
        ) { real, added, result, scratch in
            try kernel.run(
                left: real, bias: bias.map { UnsafeRawPointer($0.memory.storage.base) }, residual: added,
                target: result, scratch: scratch)
        }
    }
}
