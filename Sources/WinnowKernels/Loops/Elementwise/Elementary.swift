/// Elementary functions on float32 without branches or library calls, so that loops over them vectorize.
///
/// Where two formulas meet, both are named before one is chosen: a longer expression inside ?: becomes a branch, and the
/// vectors are lost. Polynomials after Moshier's Cephes library. Errors stay below 3 units in the last place.
enum Elementary {
    @inline(__always)
    static func copySign(_ magnitude: Float, _ sign: Float) -> Float {
        Float(bitPattern: (magnitude.bitPattern & 0x7FFF_FFFF) | (sign.bitPattern & 0x8000_0000))
    }

    @inline(__always)
    static func magnitude(_ x: Float) -> Float { Float(bitPattern: x.bitPattern & 0x7FFF_FFFF) }

    /// Round half to even.
    @inline(__always)
    static func round(_ x: Float) -> Float {
        let magnitude = magnitude(x)
        let rounded = (magnitude + 0x1p23) - 0x1p23
        return magnitude < 0x1p23 ? copySign(rounded, x) : x
    }

    @inline(__always)
    static func floor(_ x: Float) -> Float {
        let rounded = round(x)
        return rounded > x ? rounded - 1 : rounded
    }

    @inline(__always)
    static func ceil(_ x: Float) -> Float {
        let rounded = round(x)
        return copySign(rounded < x ? rounded + 1 : rounded, x)
    }

    /// x = k·ln 2 + r with r near 0: e^x = 2^k (1 + r + r²·p); k is also returned as an integer.
    @inline(__always)
    private static func reduce(_ x: Float) -> (k: Int32, tail: Float) {
        let high = x > 89 ? 89 : x
        let clamped = high < -104 ? -104 : high
        let shifted = clamped * 1.442_695_04 + 12_582_912
        let k = shifted - 12_582_912
        let r = (clamped - k * 0.693_359_375) - k * -2.121_944_40e-4
        var p: Float = r * 1.987_569_15e-4 + 1.398_199_950_7e-3
        p = p * r + 8.333_451_907_3e-3
        p = p * r + 4.166_579_589_4e-2
        p = p * r + 1.666_666_545_9e-1
        p = p * r + 5.000_000_120_1e-1
        return (Int32(bitPattern: shifted.bitPattern) &- 0x4B40_0000, p * (r * r) + r)
    }

    @inline(__always)
    private static func powerOfTwo(_ k: Int32) -> Float { Float(bitPattern: UInt32(bitPattern: k &+ 127) &<< 23) }

    @inline(__always)
    static func exp(_ x: Float) -> Float {
        let (k, tail) = reduce(x)
        let half = k &>> 1
        return (1 + tail) * powerOfTwo(half) * powerOfTwo(k &- half)
    }

    @inline(__always)
    static func log(_ x: Float) -> Float {
        let isSubnormal = x < Float.leastNormalMagnitude
        let bits = Int32(bitPattern: (isSubnormal ? x * 0x1p25 : x).bitPattern)
        let exponent = (bits &- 0x3F35_04F3) &>> 23
        let f = Float(bitPattern: UInt32(bitPattern: bits &- (exponent &<< 23))) - 1
        let k = Float(exponent &- (isSubnormal ? 25 : 0))
        let z = f * f
        var p: Float = f * 7.037_683_629_2e-2 - 1.151_461_031_0e-1
        p = p * f + 1.167_699_874_0e-1
        p = p * f - 1.242_014_084_6e-1
        p = p * f + 1.424_932_278_7e-1
        p = p * f - 1.666_805_766_5e-1
        p = p * f + 2.000_071_476_5e-1
        p = p * f - 2.499_999_399_3e-1
        p = p * f + 3.333_333_117_4e-1
        let y = (p * f * z + k * -2.121_944_40e-4) - 0.5 * z
        let result = (f + y) + k * 0.693_359_375
        let special: Float = x == 0 ? -.infinity : x == .infinity ? .infinity : .nan
        return x > 0 && x < .infinity ? result : special
    }
}
