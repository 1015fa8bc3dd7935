internal import CWinnowKernels
package import WinnowTensor

/// code = clamp(round(x / scale) + zero point), half to even (ONNX's QuantizeLinear).
package struct QuantizeKernel: Sendable {
    private typealias Loop =
        @Sendable (UnsafePointer<Float>, UnsafeMutableRawPointer, Int, UnsafePointer<Float>, UnsafePointer<Float>) -> Void

    private let geometry: ScaleLayout
    private let codeType: ElementType
    private let loop: Loop

    /// Throws `unsupported` for types that hold no codes.
    ///
    /// - Parameter saturates: whether floats of 8 bits have their largest number beyond it, rather than infinity or NaN.
    package init(to codeType: ElementType, _ geometry: ScaleLayout, saturates: Bool = true) throws {
        self.geometry = geometry
        self.codeType = codeType
        let step = Int32(geometry.scaleStep)
        let range = codeType.integerRange.map { (Float($0.lowerBound), Float($0.upperBound)) } ?? (0, 0)
        switch codeType {
        case .uint8:
            loop = { winnow_quantize_u8($0, $1.assumingMemoryBound(to: UInt8.self), $2, $3, $4, step, range.0, range.1) }
        case .int8:
            loop = { winnow_quantize_s8($0, $1.assumingMemoryBound(to: Int8.self), $2, $3, $4, step, range.0, range.1) }
        case .uint16:
            loop = { winnow_quantize_u16($0, $1.assumingMemoryBound(to: UInt16.self), $2, $3, $4, step, range.0, range.1) }
        case .int16:
            loop = { winnow_quantize_s16($0, $1.assumingMemoryBound(to: Int16.self), $2, $3, $4, step, range.0, range.1) }
        case .int4, .uint4, .int2, .uint2:
            loop = { x, y, count, scale, zero in
                withUnsafeTemporaryAllocation(of: Int8.self, capacity: max(count, 1)) { wide in
                    guard let wide = wide.baseAddress else { return }
                    winnow_quantize_s8(x, wide, count, scale, zero, step, range.0, range.1)
                    let codes = y.assumingMemoryBound(to: UInt8.self)
                    for i in 0..<count { codes[i] = UInt8(bitPattern: wide[i]) }
                }
            }
        case .float8E4M3FN, .float8E5M2, .float4E2M1, .float8E8M0:
            guard let format = codeType.miniFloat else { fallthrough }
            let stride = geometry.scaleStep
            let rounding = MiniFloat.Rounding(saturates: saturates)
            loop = { x, y, count, scale, _ in
                let codes = y.assumingMemoryBound(to: UInt8.self)
                for i in 0..<count { codes[i] = format.code(of: x[i] / scale[i * stride], rounding) }
            }
        default: throw WinnowError(.unsupported, "quantize", "\(codeType) is no type for codes")
        }
    }

    /// Bytes of scratch memory that `run` needs: packed codes are first made one a byte.
    package var scratchByteCount: Int { codeType.bitWidth < 8 ? geometry.elementCount : 0 }

    package func run(
        _ source: UnsafePointer<Float>, _ encodings: AffineEncodings, to target: UnsafeMutableRawPointer,
        scratch: UnsafeMutableRawPointer? = nil
    ) {
        let codes = codeType.bitWidth < 8 ? scratch ?? target : target
        let byteCount = max(1, codeType.bitWidth / 8)
        geometry.forEachPiece { start, count, scale in
            loop(source + start, codes + start * byteCount, count, encodings.scales + scale, encodings.zeroPoints + scale)
        }
        if codeType.bitWidth < 8 {
            let wide = codes.assumingMemoryBound(to: UInt8.self)
            PackedLoops.pack(target, geometry.elementCount, bits: codeType.bitWidth) { wide[$0] }
        }
    }
}
