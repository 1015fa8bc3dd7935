/// IEEE half precision in integer and float32 arithmetic that vectorizes on every processor (after M. Dukhan's FP16).
enum HalfFloat {
    @inline(__always)
    static func decode(_ half: UInt16) -> Float {
        let word = UInt32(half) &<< 16
        let doubled = word &+ word
        let normal = Float(bitPattern: (doubled &>> 4) &+ (0xE0 &<< 23)) * 0x1p-112
        let subnormal = Float(bitPattern: (doubled &>> 17) | (126 &<< 23)) - 0.5
        let magnitude = doubled < (1 &<< 27) ? subnormal.bitPattern : normal.bitPattern
        return Float(bitPattern: (word & 0x8000_0000) | magnitude)
    }

    /// The nearest half, ties to even; magnitudes from 65520 become infinity.
    @inline(__always)
    static func encode(_ value: Float) -> UInt16 {
        let word = value.bitPattern
        let doubled = word &+ word
        let scaled = (Rounding.magnitude(value) * 0x1p112) * 0x1p-110
        let exponent = doubled & 0xFF00_0000
        let bias = exponent < 0x7100_0000 ? 0x7100_0000 : exponent
        let bits = (Float(bitPattern: (bias &>> 1) &+ 0x0780_0000) + scaled).bitPattern
        let number = ((bits &>> 13) & 0x7C00) &+ (bits & 0x0FFF)
        let magnitude = doubled > 0xFF00_0000 ? 0x7E00 : number
        return UInt16(truncatingIfNeeded: ((word & 0x8000_0000) &>> 16) | magnitude)
    }
}
