package import WinnowTensor

extension AffineEncoding {
    /// How a real number becomes a code: half to even, then the zero point is added, then the code is saturated.
    package enum Rounding: Hashable, Sendable {
        /// round(x / scale), as ONNX's QuantizeLinear.
        case division
        /// round(x · (1 / scale)), as PyTorch.
        case reciprocal
    }

    /// The code of a real number; NaN counts as 0.
    package func code(_ x: Float, rounding: Rounding = .division) -> Int32 {
        let ratio = rounding == .division ? x / scale : x * (1 / scale)
        let codes = elementType.integerRange ?? 0...255
        let point = Float(zeroPoint)
        return CodeArithmetic.integer(
            CodeArithmetic.steps(ratio, Float(codes.lowerBound) - point, Float(codes.upperBound) - point)) + zeroPoint
    }

    /// The real number of a code.
    package func value(_ code: Int32) -> Float { scale * Float(code - zeroPoint) }

    /// PyTorch's dynamic quantization (`ChooseQuantizationParams`): the zero point comes from the end of the range with the
    /// smaller rounding error, and scales below 6.1e-5 are raised to it.
    ///
    /// `reducesRange` leaves out the highest bit, as PyTorch does for activations on x86.
    package static func torchDynamic(
        minimum: Float, maximum: Float, _ elementType: ElementType = .uint8, reducesRange: Bool = true
    ) -> Self {
        let codes = elementType.integerRange ?? 0...255
        let lower = Int32(reducesRange ? codes.lowerBound / 2 : codes.lowerBound)
        let upper = Int32(reducesRange ? codes.upperBound / 2 : codes.upperBound)
        var (low, high) = (min(minimum, 0), max(maximum, 0))
        var scale = (Double(high) - Double(low)) / Double(upper - lower)
        if Float(scale) == 0 || (1 / Float(scale)).isInfinite { scale = 0.1 }
        let smallest: Float = 6.1e-5
        if scale < Double(smallest) {
            let amplifier = smallest / Float(scale)
            scale = Double(smallest)
            if low == 0 {
                high = smallest * Float(upper - lower)
            } else if high == 0 {
                low = -smallest * Float(upper - lower)
            } else {
                low *= amplifier
                high *= amplifier
            }
        }
        let lowError = abs(Double(lower)) - abs(Double(low) / scale)
        let highError = abs(Double(upper)) - abs(Double(high) / scale)
        let exact = lowError < highError ? Double(lower) - Double(low) / scale : Double(upper) - Double(high) / scale
        let point = min(max(exact, Double(lower)), Double(upper)).rounded(.toNearestOrEven)
        return Self(elementType, scale: Float(scale), zeroPoint: Int32(point))
    }
}

/// One element's arithmetic on codes.
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
