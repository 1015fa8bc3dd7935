internal import CWinnowKernels
package import WinnowTensor

/// x = scale · (code − zero point) (ONNX's DequantizeLinear).
package struct DequantizeKernel: Sendable {
    private typealias Loop =
        @Sendable (UnsafeRawPointer, Int, UnsafeMutablePointer<Float>, Int, UnsafePointer<Float>, UnsafePointer<Float>) -> Void

    private let geometry: ScaleLayout
    private let loop: Loop

    /// Throws `unsupported` for types that hold no codes.
    package init(from codeType: ElementType, _ geometry: ScaleLayout) throws {
        self.geometry = geometry
        let step = Int32(geometry.scaleStep)
        switch codeType {
        case .uint8: loop = { winnow_dequantize_u8($0.assumingMemoryBound(to: UInt8.self) + $1, $2, $3, $4, $5, step) }
        case .int8: loop = { winnow_dequantize_s8($0.assumingMemoryBound(to: Int8.self) + $1, $2, $3, $4, $5, step) }
        case .uint16: loop = { winnow_dequantize_u16($0.assumingMemoryBound(to: UInt16.self) + $1, $2, $3, $4, $5, step) }
        case .int16: loop = { winnow_dequantize_s16($0.assumingMemoryBound(to: Int16.self) + $1, $2, $3, $4, $5, step) }
        case .int32: loop = { winnow_dequantize_s32($0.assumingMemoryBound(to: Int32.self) + $1, $2, $3, $4, $5, step) }
        default:
            guard codeType.bitWidth <= 8, codeType != .bool else {
                throw WinnowError(.unsupported, "dequantize", "\(codeType) is no type for codes")
            }
            loop = Self.tableLoop(Self.values(of: codeType), bits: codeType.bitWidth, step: geometry.scaleStep)
        }
    }

    /// The number behind every code of a type of at most 8 bits.
    package static func values(of codeType: ElementType) -> [Float] {
        let count = 1 << codeType.bitWidth
        return Tensor(codes: (0..<count).map { UInt8($0) }, shape: [count], codeType).floats()
    }

    private static func tableLoop(_ values: [Float], bits: Int, step: Int) -> Loop {
        let (perByte, mask) = (8 / bits, UInt8((1 << bits) - 1))
        return { source, start, target, count, scale, zero in
            let codes = source.assumingMemoryBound(to: UInt8.self)
            values.withUnsafeBufferPointer { values in
                for i in 0..<count {
                    let position = start + i
                    let code = bits == 8 ? codes[position] : (codes[position / perByte] &>> UInt8(position % perByte * bits)) & mask
                    target[i] = (values[Int(code)] - zero[i * step]) * scale[i * step]
                }
            }
        }
    }

    package func run(
        _ source: UnsafeRawPointer, _ encodings: AffineEncodings, to target: UnsafeMutablePointer<Float>
    ) {
        geometry.forEachPiece { start, count, scale in
            loop(source, start, target + start, count, encodings.scales + scale, encodings.zeroPoints + scale)
        }
    }
}
