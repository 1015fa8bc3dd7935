/// Scale and zero point of a range.
package struct RangeEncoding: Hashable, Sendable {
    package var codes: ClosedRange<Int>
    /// What scales are at least; nil: 1 takes the place of those too small to divide by.
    package var leastScale: Float?
    /// Whether 0 is the code of 0, whatever the range.
    package var isSymmetric: Bool

    package init(_ codes: ClosedRange<Int>, leastScale: Float? = nil, isSymmetric: Bool = false) {
        (self.codes, self.leastScale, self.isSymmetric) = (codes, leastScale, isSymmetric)
    }

    package func callAsFunction(_ range: ClosedRange<Float>) -> (scale: Float, zeroPoint: Float) {
        isSymmetric ? (symmetric(max(-range.lowerBound, range.upperBound)), 0) : affine(range)
    }

    /// A scale that numbers can be divided by.
    package func usable(_ scale: Float) -> Float {
        if let leastScale { return max(scale, leastScale) }
        return scale >= Float.leastNormalMagnitude && scale.isFinite ? scale : 1
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
