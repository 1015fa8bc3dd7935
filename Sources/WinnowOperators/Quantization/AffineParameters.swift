import WinnowGraph
import WinnowKernels
package import WinnowTensor

/// Along which axis the scales of QuantizeLinear, DequantizeLinear and FakeQuantize vary.
package struct ScaleAxis: Sendable, Hashable {
    /// The axis of a one-axis scale, or of the blocks; nil is ONNX's default, 1.
    package var axis: Int?
    /// Indices along the axis that share a scale; 0 without blocks.
    package var blockSize: Int

    package init(axis: Int? = nil, blockSize: Int = 0) {
        self.axis = axis
        self.blockSize = blockSize
    }

    init(attributes: Attributes) throws {
        self.init(axis: try attributes.int("axis"), blockSize: try attributes.int("block_size", default: 0))
    }

    var attributes: Attributes {
        var attributes: Attributes = [:]
        if let axis { attributes["axis"] = .int(axis) }
        if blockSize != 0 { attributes["block_size"] = .int(blockSize) }
        return attributes
    }

    var minimumVersion: Int { blockSize != 0 ? 21 : axis != nil ? 13 : 10 }

    /// The lowest operator-set version in which QuantizeLinear and DequantizeLinear know codes of this type.
    package static func minimumVersion(of codeType: ElementType) -> Int {
        switch codeType {
        case .int4, .uint4, .int16, .uint16: 21
        case .int2, .uint2: 25
        case .float4E2M1, .float8E8M0: 23
        case .float8E4M3FN, .float8E5M2: 19
        default: 10
        }
    }

    /// The axis of a value with `rank` axes that scales vary along; nil for one scale for all.
    package func varyingAxis(rank: Int, scale: Shape) throws -> Int? {
        blockSize == 0 && scale.elementCount == 1 && scale.rank <= 1 ? nil : try resolved(rank)
    }

    private func resolved(_ rank: Int) throws -> Int { try (axis ?? 1).normalizedAxis(rank: rank) }

    /// The axis that scales vary along; nil for one scale for all. Throws `.shape` where there is not one for each index or block.
    package func fittedAxis(shape: Shape, scale: Shape) throws -> Int? {
        guard let axis = try varyingAxis(rank: shape.rank, scale: scale) else { return nil }
        let extent = shape[axis]
        if blockSize == 0 {
            guard scale == [extent] else {
                throw WinnowError(.shape, "scale", "has shape \(scale), but axis \(axis) has \(extent) indices")
            }
            return axis
        }
        var blocks = shape
        blocks[axis] = (extent + blockSize - 1) / blockSize
        guard blockSize > 0, scale == blocks else {
            throw WinnowError(.shape, "scale", "has shape \(scale), but blocks of \(blockSize) need \(blocks)")
        }
        return axis
    }

    /// Which scale each element uses.
    func geometry(_ data: OperandPlan, scale: Shape) throws -> ScaleLayout {
        guard let axis = try fittedAxis(shape: data.shape, scale: scale) else { return ScaleLayout(perTensor: data.shape) }
        return blockSize == 0
            ? ScaleLayout(perAxis: axis, of: data.shape, layout: data.layout) : ScaleLayout(blocksOf: blockSize, axis: axis, of: data.shape)
    }

    /// `data, scale, zero point` of (data, scale, zero point) -> data.
    func axes(for inputs: [ValueInfo?], scaleInput: Int) -> AxisMap {
        let letters = Array("abcdefghijklmnopqrstuvwxyz")
        guard let rank = inputs.optional(0)?.rank, rank <= letters.count else { return .opaque }
        var labels = letters[..<rank].map { AxisTerm.label($0) }
        if blockSize != 0 {
            guard let axis = try? resolved(rank) else { return .opaque }
            labels[axis] = .opaque
        }
        let parameters = inputs.dropFirst(scaleInput).map { info -> [AxisTerm] in
            guard let info, let extents = info.extents else { return [] }
            if blockSize != 0 { return labels }
            if extents.count == 1, extents[0] != .fixed(1), let axis = try? resolved(rank) {
                return [labels[axis]]
            }
            return extents.map { $0 == .fixed(1) ? .one : .opaque }
        }
        return AxisMap(
            inputs: [labels] + inputs.dropFirst().prefix(scaleInput - 1).map { _ in labels } + parameters,
            outputs: [labels])
    }

    /// `scale` so shaped that it broadcasts against a value of `rank` axes.
    func broadcastable(_ scale: ValueName, rank: Int, _ builder: GraphBuilder) throws -> ValueName {
        guard blockSize == 0 else {
            throw WinnowError(.unsupported, "block_size", "block-wise scales are not differentiated")
        }
        guard let scaleRank = builder.info(of: scale)?.rank, scaleRank == 1 else { return scale }
        if builder.info(of: scale)?.extents == [1] { return scale }
        let trailing = rank - 1 - (try resolved(rank))
        if trailing == 0 { return scale }
        let shape = builder.constant("scale.shape", Tensor([-1] + [Int64](repeating: 1, count: trailing)))
        return try builder.add(Reshape(), scale, shape)
    }
}

/// Scales and zero points as a kernel reads them: one float each.
struct AffineOperands {
    private let scaleIndex: Int
    private let constantScales: [Float]?
    private let constantZeroPoints: [Float]?
    private let cast: CastKernel?
    private let count: Int

    /// Scales are input `scaleIndex`, zero points the input after it.
    init(_ request: KernelRequest, scaleIndex: Int = 1) throws {
        let scale = try request.input(scaleIndex)
        self.scaleIndex = scaleIndex
        count = max(scale.shape.elementCount, 1)
        constantScales = scale.constant?.floats()
        guard scale.elementType == .float32 || constantScales != nil else {
            throw WinnowError(.unsupported, request.nodeName, "its scale is \(scale.elementType), not float32")
        }
        let zeroPoint = request.optionalInput(scaleIndex + 1)
        guard zeroPoint == nil || zeroPoint?.shape.elementCount == scale.shape.elementCount else {
            throw WinnowError(.shape, request.nodeName, "its zero point and its scale differ in shape")
        }
        if let zeroPoint, zeroPoint.constant == nil {
            constantZeroPoints = nil
            cast = try CastKernel(from: zeroPoint.elementType, to: .float32)
        } else {
            constantZeroPoints = zeroPoint?.constant?.floats() ?? [Float](repeating: 0, count: count)
            cast = nil
        }
    }

    /// Bytes of scratch memory for zero points that are not constant.
    var scratchByteCount: Int {
        var layout = ScratchLayout()
        _ = layout.reserve(cast == nil ? 0 : count, of: .float32)
        return layout.byteCount
    }

    /// Calls `body` with scales and zero points.
    func withPointers(
        _ operands: Operands, _ body: (AffineEncodings) throws -> Void
    ) rethrows {
        func withScales(_ zeroPoints: UnsafePointer<Float>) throws {
            if let constantScales {
                try constantScales.withUnsafeBufferPointer {
                    if let base = $0.baseAddress { try body(AffineEncodings(scales: base, zeroPoints: zeroPoints)) }
                }
            } else {
                try body(AffineEncodings(scales: operands.input(scaleIndex, as: Float.self), zeroPoints: zeroPoints))
            }
        }
        if let constantZeroPoints {
            try constantZeroPoints.withUnsafeBufferPointer { if let base = $0.baseAddress { try withScales(base) } }
        } else if let cast, let scratch = operands.scratch {
            cast.run(from: operands.input(scaleIndex + 1), to: scratch, count: count)
            try withScales(UnsafePointer(scratch.assumingMemoryBound(to: Float.self)))
        }
    }
}
