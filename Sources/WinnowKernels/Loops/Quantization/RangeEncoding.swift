/// Scale and zero point of a range.
package struct RangeEncoding: Hashable, Sendable {
    package var codes: ClosedRange<Int>
    /// What scales are at least; nil: 1 takes the place of those too small to divide by.
    package var leastScale: Float?
    /// Whether 0 is the code of 0, whatever the range.
    package var isSymmetric: Bool
    /// Whether scales are rounded up to powers of two.
    package var isPowerOfTwo: Bool

    package init(_ codes: ClosedRange<Int>, leastScale: Float? = nil, isSymmetric: Bool = false, isPowerOfTwo: Bool = false) {
        (self.codes, self.leastScale, self.isSymmetric, self.isPowerOfTwo) = (codes, leastScale, isSymmetric, isPowerOfTwo)
    }

    package func callAsFunction(_ range: ClosedRange<Float>) -> (scale: Float, zeroPoint: Float) {
        isSymmetric ? (symmetric(max(-range.lowerBound, range.upperBound)), 0) : affine(range)
    }

    /// A scale that numbers can be divided by.
    package func usable(_ scale: Float) -> Float {
        let own = leastScale.map { max(scale, $0) } ?? (scale >= Float.leastNormalMagnitude && scale.isFinite ? scale : 1)
        return isPowerOfTwo ? own.nextPowerOfTwo : own
    }

    /// scale = (max − min) / (q_max − q_min), zero point = q_min − round(min / scale), of the range with 0 in it.
    package func affine(_ range: ClosedRange<Float>) -> (scale: Float, zeroPoint: Float) {
        let (low, high) = (min(range.lowerBound, 0), max(range.upperBound, 0))
        let (bottom, top) = (Float(codes.lowerBound), Float(codes.upperBound))
        // Divided first where the width would overflow.
        let width = (high - low) / (top - bottom)
        let scale = usable(width.isFinite ? width : high / (top - bottom) - low / (top - bottom))
        return (scale, min(max(bottom - (low / scale).rounded(.toNearestOrEven), bottom), top))
    }

    /// scale = max|x| / ((q_max − q_min) / 2), as many codes on either side of the zero point.
    package func symmetric(_ largest: Float) -> Float { usable(largest / (Float(codes.count - 1) / 2)) }
}

extension Float {
    /// The least power of two that is not below a normal number above 0.
    package var nextPowerOfTwo: Float {
        let floor = Float(sign: .plus, exponent: exponent, significand: 1)
        return floor == self ? self : floor * 2
    }
}
