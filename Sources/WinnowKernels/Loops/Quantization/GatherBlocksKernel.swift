package import WinnowTensor

/// Slices of codes along one axis, picked by index, as the numbers that they stand for: scale · (code − zero point), with a scale for
/// each block along another axis (ONNX Runtime's GatherBlockQuantized).
package struct GatherBlocksKernel: Sendable {
    private let outer: Int
    private let extent: Int
    private let inner: Int
    private let indexCount: Int
    private let layout: ScaleLayout
    /// The number behind each code.
    private let values: [Float]
    private let bits: Int
    /// Zero points of one row of blocks, and the places that the row takes.
    private let zeroRow: (count: Int, width: Int)
    /// The code that stands for zero where there are no zero points.
    private let middle: Float
    private let reader: IndexReader

    /// - Parameters:
    ///   - shape: of the codes, each counted; of fewer than 8 bits they lie several to a byte, low bits first.
    ///   - codeType: int4 or uint4; or uint8, in which each row of zero points begins a byte and codes are around their middle.
    ///   - bits: of a code, at most those of the type.
    package init(
        _ shape: Shape, gatherAxis: Int, quantizeAxis: Int, blockSize: Int, _ codeType: ElementType, bits: Int, indexCount: Int,
        indexType: ElementType
    ) throws {
        let isTyped = codeType.bitWidth < 8
        guard codeType == .uint8 || isTyped && codeType.bitWidth == bits else {
            throw WinnowError(.unsupported, "gather blocks", "\(codeType) is no type for codes of \(bits) bits")
        }
        outer = shape[..<gatherAxis].reduce(1, *)
        extent = shape[gatherAxis]
        inner = shape[(gatherAxis + 1)...].reduce(1, *)
        self.indexCount = indexCount
        layout = ScaleLayout(axis: quantizeAxis, blockSize: blockSize, of: shape)
        values = isTyped ? DequantizeKernel.values(of: codeType) : (0..<(1 << bits)).map { Float($0) }
        self.bits = bits
        let blocks = max(1, (shape[quantizeAxis] + blockSize - 1) / blockSize)
        zeroRow = (blocks, isTyped ? blocks : (blocks * bits + 7) / 8 * 8 / bits)
        middle = isTyped ? 0 : Float(1 << (bits - 1))
        reader = try IndexReader(indexType, subject: "gather blocks")
    }

    @inline(__always)
    private func number(_ codes: UnsafePointer<UInt8>, _ place: Int, _ values: UnsafeBufferPointer<Float>) -> Float {
        let perByte = 8 / bits
        return values[Int(codes[place / perByte] &>> UInt8(place % perByte * bits)) & (1 << bits - 1)]
    }

    /// Throws `data` for an index out of range.
    package func run(
        _ codes: UnsafeRawPointer, indices: UnsafeRawPointer, scales: UnsafePointer<Float>, zeroPoints: UnsafeRawPointer?,
        to target: UnsafeMutablePointer<Float>
    ) throws {
        let (codes, zeroPoints) = (codes.assumingMemoryBound(to: UInt8.self), zeroPoints?.assumingMemoryBound(to: UInt8.self))
        try values.withUnsafeBufferPointer { values in
            func zero(_ scale: Int) -> Float {
                guard let zeroPoints else { return middle }
                return number(zeroPoints, scale / zeroRow.count * zeroRow.width + scale % zeroRow.count, values)
            }
            for row in 0..<outer {
                for position in 0..<indexCount {
                    let start = (row * extent + (try reader.read(indices, position, extent: extent))) * inner
                    let slice = target + (row * indexCount + position) * inner - start
                    layout.forEachRun(in: start..<(start + inner)) { run, place in
                        if layout.scaleStep == 0 {
                            let (scale, zero) = (scales[place], zero(place))
                            for i in run { slice[i] = (number(codes, i, values) - zero) * scale }
                        } else {
                            for i in run {
                                let place = place + i - run.lowerBound
                                slice[i] = (number(codes, i, values) - zero(place)) * scales[place]
                            }
                        }
                    }
                }
            }
        }
    }
}
