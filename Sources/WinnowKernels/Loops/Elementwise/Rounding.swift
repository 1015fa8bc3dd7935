/// Rounding and signs of float32 without branches or library calls, so that loops over them vectorize.
///
/// Where two formulas meet, both are named before one is chosen: a longer expression inside ?: becomes a branch, and the
/// vectors are lost.
enum Rounding {
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
}
