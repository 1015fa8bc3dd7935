/// The scale and zero point for a range of real numbers.
package struct QuantizationParameters: Hashable, Sendable {
    package var scale: Float
    package var zeroPoint: Int32

    package init(scale: Float, zeroPoint: Int32 = 0) {
        self.scale = scale
        self.zeroPoint = zeroPoint
    }

    /// The code of a real number: half to even, then the zero point, then saturation; NaN counts as 0.
    package func code(_ x: Float, _ range: CodeRange, rounding: CodeRounding = .division) -> Int32 {
        let ratio = rounding == .division ? x / scale : x * (1 / scale)
        let steps = CodeArithmetic.steps(ratio, Float(range.lower - zeroPoint), Float(range.upper - zeroPoint))
        return CodeArithmetic.integer(steps) + zeroPoint
    }

    /// The real number of a code.
    package func value(_ code: Int32) -> Float { scale * Float(code - zeroPoint) }

    /// PyTorch's dynamic quantization (`ChooseQuantizationParams`): the zero point comes from the end of the range with the
    /// smaller rounding error, and scales below 6.1e-5 are raised to it.
    package static func torchDynamic(
        minimum: Float, maximum: Float, _ range: CodeRange = CodeRange(0, 255), reducesRange: Bool = true
    ) -> Self {
        let lower = reducesRange ? range.lower / 2 : range.lower
        let upper = reducesRange ? range.upper / 2 : range.upper
        var (low, high) = (min(minimum, 0), max(maximum, 0))
        var scale = (Double(high) - Double(low)) / Double(upper - lower)
        if Float(scale) == 0 || (1 / Float(scale)).isInfinite { scale = 0.1 }
        let smallest: Float = 6.1e-5
        if scale < Double(smallest) {
            let amplifier = smallest / Float(scale)
            scale = Double(smallest)
            if low == 0 { high = smallest * Float(upper - lower) } else if high == 0 { low = -smallest * Float(upper - lower) } else {
                low *= amplifier
                high *= amplifier
            }
        }
        let fromLow = Double(lower) - Double(low) / scale
        let fromHigh = Double(upper) - Double(high) / scale
        let lowError = abs(Double(lower)) - abs(Double(low) / scale)
        let highError = abs(Double(upper)) - abs(Double(high) / scale)
        let exact = lowError < highError ? fromLow : fromHigh
        let point = min(max(exact, Double(lower)), Double(upper)).rounded(.toNearestOrEven)
        return Self(scale: Float(scale), zeroPoint: Int32(point))
    }

    /// PyTorch's observers, affine: scale = (max − min) / (upper − lower), at least `epsilon`.
    package static func affine(minimum: Float, maximum: Float, _ range: CodeRange, epsilon: Float = 0x1p-23) -> Self {
        let (low, high) = (min(minimum, 0), max(maximum, 0))
        let scale = max((high - low) / Float(range.upper - range.lower), epsilon)
        let point = Float(range.lower) - Elementary.round(low / scale)
        return Self(scale: scale, zeroPoint: Int32(min(max(point, Float(range.lower)), Float(range.upper))))
    }

    /// Zero point 0 and scale = max|x| / `divisor`, at least `epsilon`: the divisor is upper (ONNX runtimes) or
    /// (upper − lower) / 2 (PyTorch).
    package static func symmetric(magnitude: Float, divisor: Float, epsilon: Float = 0x1p-23) -> Self {
        Self(scale: max(magnitude / divisor, epsilon))
    }
}
