package import WinnowTensor

/// The integer codes a quantizer may use.
package struct CodeRange: Hashable, Sendable {
    package var lower: Int32
    package var upper: Int32

    package init(_ lower: Int32, _ upper: Int32) {
        self.lower = lower
        self.upper = upper
    }

    /// All codes of an integer type of at most 16 bits, or nil.
    package init?(_ elementType: ElementType) {
        guard elementType.bitWidth <= 16, let range = elementType.integerRange else { return nil }
        self.init(Int32(range.lowerBound), Int32(range.upperBound))
    }

    /// The codes of `bits`-bit integers; `narrow` leaves out the lowest so that the range is symmetric about 0.
    package init(bits: Int, signed: Bool, narrow: Bool = false) {
        let half = Int32(1) << (bits - 1)
        self.init(signed ? -half + (narrow ? 1 : 0) : 0, signed ? half - 1 : 2 * half - 1)
    }
}

/// How a real number becomes a code: always half to even, then the zero point is added, then the code is saturated.
package enum CodeRounding: Hashable, Sendable {
    /// round(x / scale), as ONNX's QuantizeLinear.
    case division
    /// round(x · (1 / scale)), as PyTorch.
    case reciprocal
}

/// One element's arithmetic, shared by every quantization loop.
enum CodeArithmetic {
    /// x / scale rounded half to even and saturated to lower...upper, of magnitudes below 2²²; NaN becomes 0.
    @inline(__always)
    static func steps(_ ratio: Float, _ lower: Float, _ upper: Float) -> Float {
        let number = ratio != ratio ? 0 : ratio
        let raised = number < lower ? lower : number
        let clamped = raised > upper ? upper : raised
        return (clamped + 12_582_912) - 12_582_912
    }

    /// A whole number of magnitude below 2²² as an integer.
    @inline(__always)
    static func integer(_ steps: Float) -> Int32 { Int32(bitPattern: (steps + 12_582_912).bitPattern) &- 0x4B40_0000 }
}
