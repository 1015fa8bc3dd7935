package import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Slices of a tensor of 2-, 4- or 8-bit codes in blocks along `quantizeAxis`, looked up along `gatherAxis`, as numbers.
///
/// Inputs: codes (int4, uint4; or uint8, of fewer than 8 bits several to a byte along the last axis), indices, scales in the shape
/// counted in blocks, zero points like the codes (optional: 0, and the middle of the codes in uint8).
package struct GatherBlockQuantized: TrainedInParts {
    package static let type = OperatorType("GatherBlockQuantized", domain: "com.microsoft")
    package static let maximumInputCount = 4

    package var gatherAxis: Int
    package var quantizeAxis: Int
    package var bitWidth: Int
    package var blockSize: Int

    package var inputRoles: [Int: OperandRole] {
        [0: .packed(PackedCodes(bitWidth: bitWidth)), 1: .setting, 2: .scale, 3: .zeroPoint(of: 0, axis: quantizeAxis)]
    }

    package init(gatherAxis: Int = 0, quantizeAxis: Int = 1, bitWidth: Int = 4, blockSize: Int = 128) {
        (self.gatherAxis, self.quantizeAxis, self.bitWidth, self.blockSize) = (gatherAxis, quantizeAxis, bitWidth, blockSize)
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            gatherAxis: try attributes.int("gather_axis", default: 0), quantizeAxis: try attributes.int("quantize_axis", default: 1),
            bitWidth: try attributes.int("bits", default: 4), blockSize: try attributes.int("block_size", default: 128))
        guard [2, 4, 8].contains(bitWidth), blockSize >= 16, blockSize & (blockSize - 1) == 0 else {
            throw WinnowError(.unsupported, "attributes", "\(bitWidth) bits, blocks of \(blockSize)")
        }
    }

    package var attributes: Attributes {
        [
            "gather_axis": .int(gatherAxis), "quantize_axis": .int(quantizeAxis), "bits": .int(bitWidth),
            "block_size": .int(blockSize),
        ]
    }

    /// Of codes, each counted, from the extents of what stores them.
    private func extents(_ stored: [Extent], _ type: ElementType) -> [Extent] {
        guard type == .uint8, bitWidth < 8, let last = stored.last else { return stored }
        return stored.dropLast() + [last.value.map { .fixed($0 * 8 / bitWidth) } ?? .unknown]
    }

    package func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        let (codes, indices, scales) = (try inputs.required(0), try inputs.required(1), try inputs.required(2))
        guard let stored = codes.extents, let places = indices.extents else { return [ValueInfo(scales.elementType, nil)] }
        let axis = try gatherAxis.normalizedAxis(rank: stored.count)
        guard try quantizeAxis.normalizedAxis(rank: stored.count) != axis else {
            throw WinnowError(.model, "quantize_axis", "is \(quantizeAxis), the axis that is looked up")
        }
        let extents = extents(stored, codes.elementType)
        return [ValueInfo(scales.elementType, Array(extents[..<axis]) + places + Array(extents[(axis + 1)...]))]
    }

    package func axes(for inputs: [ValueInfo?]) -> AxisMap { .opaque }

    package func decompose(_ b: GraphBuilder, _ inputs: [ValueName?]) throws -> [ValueName] {
        let (codes, scales) = (try inputs.required(0), try inputs.required(2))
        guard let info = b.info(of: codes) else { throw UndeterminedShape() }
        var operands = [codes, scales] + (inputs.present(3).map { [$0] } ?? [])
        if info.elementType == .uint8 {
            guard let extents = b.info(of: scales)?.shape else { throw UndeterminedShape() }
            let middle = [UInt8](repeating: UInt8(1 << (bitWidth - 1)), count: extents.elementCount)
            if operands.count < 3 { operands.append(b.constant("middle", Tensor(middle, shape: extents))) }
            if bitWidth < 8 {
                guard let bytes = info.constant, let last = bytes.shape.last else {
                    throw WinnowError(.unsupported, type.name, "its codes are not constant")
                }
                let whole = Shape(bytes.shape.dropLast() + [last * 8 / bitWidth])
                operands[0] = b.constant("codes", unpacked(bytes, whole))
                if let zeros = try zeroPoints(inputs.present(3).flatMap { b.info(of: $0) }, extents) {
                    operands[2] = b.constant("zero_points", zeros)
                }
            }
        }
        let op = DequantizeLinear(axis: quantizeAxis, blockSize: blockSize)
        return [try b.add(Gather(axis: gatherAxis), b.add(op, inputs: operands)[0], inputs.required(1))]
    }

    private func zeroPoints(_ info: ValueInfo?, _ shape: Shape) throws -> Tensor? {
        guard let info else { return nil }
        guard let bytes = info.constant else { throw WinnowError(.unsupported, type.name, "its zero points are not constant") }
        let stored = Shape(shape.dropLast() + shape.suffix(1).map { ($0 * bitWidth + 7) / 8 })
        guard bytes.shape == stored, bytes.elementType == .uint8 else {
            throw WinnowError(.shape, type.name, "has zero points \(bytes.elementType) of shape \(bytes.shape), not uint8 of \(stored)")
        }
        return unpacked(bytes, shape)
    }

    /// Codes one a byte, where each row of the last axis begins a byte.
    private func unpacked(_ bytes: Tensor, _ shape: Shape) -> Tensor {
        let (own, width, stored) = (bytes.codes(), max(1, shape.last ?? 1), bytes.shape.last ?? 1)
        let perByte = 8 / bitWidth
        let codes = (0..<shape.elementCount).map { place in
            own[place / width * stored + place % width / perByte] >> UInt8(place % perByte * bitWidth) & UInt8(1 << bitWidth - 1)
        }
        return Tensor(codes, shape: shape)
    }

    package func kernel(for request: KernelRequest) throws -> Kernel { try request.inFloat32(floatKernel) }

    private func floatKernel(_ request: KernelRequest) throws -> Kernel {
        let (codes, indices, scales) = (try request.input(0), try request.input(1), try request.input(2))
        guard scales.elementType == .float32, request.outputs[0].elementType == .float32 else {
            throw WinnowError(.unsupported, request.nodeName, "its scales are \(scales.elementType), not floats")
        }
        let rank = codes.shape.rank
        let (gathered, quantized) = (try gatherAxis.normalizedAxis(rank: rank), try quantizeAxis.normalizedAxis(rank: rank))
        let isPacked = codes.elementType == .uint8 && bitWidth < 8
        guard !isPacked || quantized == rank - 1 && gathered == 0 else {
            throw WinnowError(.unsupported, request.nodeName, "codes in bytes have their blocks along the last axis")
        }
        var shape = codes.shape
        if isPacked { shape[rank - 1] *= 8 / bitWidth }
        var blocks = shape
        blocks[quantized] = (shape[quantized] + blockSize - 1) / blockSize
        guard gathered != quantized, scales.shape == blocks else {
            throw WinnowError(.shape, request.nodeName, "has scales of shape \(scales.shape), but blocks of \(blockSize) need \(blocks)")
        }
        if isPacked { blocks[rank - 1] = (blocks[rank - 1] * bitWidth + 7) / 8 }
        if let zeroPoints = request.optionalInput(3), zeroPoints.shape != blocks || zeroPoints.elementType != codes.elementType {
            throw WinnowError(
                .shape, request.nodeName,
                "has zero points \(zeroPoints.elementType) of shape \(zeroPoints.shape), not \(codes.elementType) of \(blocks)")
        }
        let gather = try GatherBlocksKernel(
            shape, gatherAxis: gathered, quantizeAxis: quantized, blockSize: blockSize, codes.elementType, bits: bitWidth,
            indexCount: indices.shape.elementCount, indexType: indices.elementType)
        return Kernel { operands in
            try gather.run(
                operands.input(0), indices: operands.input(1), scales: operands.input(2, as: Float.self),
                zeroPoints: operands.optionalInput(3), to: operands.output(0, as: Float.self))
        }
    }
}
