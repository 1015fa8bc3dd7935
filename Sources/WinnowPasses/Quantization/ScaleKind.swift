import WinnowKernels
package import WinnowTensor

/// Which numbers scales may be, and what they are stored as.
package enum ScaleKind: Hashable, Sendable {
    case float32, float16
    /// Rounded up, stored as float32.
    case powerOfTwo
    /// A power of two between 2⁻¹²⁷ and 2¹²⁷, as OCP microscaling has them; stored as bfloat16, which all runtimes read.
    case e8m0(MicroscaleRounding)
    /// 8-bit floats, times one number for the whole tensor.
    case e4m3

    package var elementType: ElementType {
        switch self {
        case .float32, .powerOfTwo: .float32
        case .float16: .float16
        case .e8m0: .bfloat16
        case .e4m3: .float8E4M3FN
        }
    }

    /// Scales with which the largest magnitudes become `limit`, and the number that all are multiplied by besides.
    package func scales(for maxima: [Float], limit: Float, _ format: NumberFormat?) -> (scales: [Float], factor: Float) {
        switch self {
        case .float32, .float16, .powerOfTwo: return (maxima.map { rounded($0 / limit) }, 1)
        case .e8m0(let rounding): return (maxima.map { rounding.scale(for: $0, limit: limit, format) }, 1)
        case .e4m3:
            let largest = MiniFloat.e4m3fn.values.lazy.filter { $0.isFinite }.max() ?? 1
            let factor = (maxima.max() ?? 0) / limit / largest
            guard factor >= .leastNormalMagnitude else { return (maxima.map { _ in 1 }, 1) }
            return (maxima.map { Self.e4m3($0 / limit / factor) }, factor)
        }
    }

    /// The same, as float32 where this type would not hold them.
    func held(for maxima: [Float], limit: Float, _ format: NumberFormat?) -> (kind: ScaleKind, scales: [Float], factor: Float) {
        let (own, factor) = scales(for: maxima, limit: limit, format)
        guard holds(own) else { return (.float32, ScaleKind.float32.scales(for: maxima, limit: limit, format).scales, 1) }
        return (self, own, factor)
    }

    /// The scale nearest to one that is wanted; 1 for what is too small to divide by.
    package func rounded(_ scale: Float) -> Float {
        guard scale >= Float.leastNormalMagnitude, scale.isFinite else { return 1 }
        switch self {
        case .float32: return scale
        case .float16: return Float(Float16(scale))
        case .powerOfTwo, .e8m0:
            return scale.nextPowerOfTwo
        case .e4m3: return Self.e4m3(scale)
        }
    }

    /// Whether `rounded` loses no more than its type's precision: float16 has few digits below 2⁻¹⁴ and none above 65504.
    package func holds(_ scales: some Sequence<Float>) -> Bool {
        guard self == .float16 else { return true }
        return scales.allSatisfy { $0 == 1 || (0x1p-14...65504).contains($0) }
    }

    private static func e4m3(_ scale: Float) -> Float {
        let rounded = MiniFloat.e4m3fn.values[Int(MiniFloat.e4m3fn.code(nearest: scale))]
        return rounded > 0 ? rounded : Float(0x1p-9)
    }
}

/// How the exponent of a block's scale follows from its largest magnitude (OCP Microscaling Formats 1.0, section 6.3, and torchao's
/// other modes).
package enum MicroscaleRounding: String, Hashable, Sendable, CaseIterable {
    /// ⌊log₂ amax⌋ − emax, as the specification has it; what lies beyond the largest number is clipped.
    case floor
    /// ⌈log₂ amax⌉ − emax
    case ceil
    /// As `floor`, of amax rounded to the mantissa of the format.
    case even
    /// ⌈log₂(amax / largest number)⌉: nothing is clipped.
    case rceil

    /// The scale 2^e with −127 ≤ e ≤ 127; 2⁻¹²⁷ for 0 and subnormal numbers, NaN for NaN.
    package func scale(for largest: Float, limit: Float, _ format: NumberFormat?) -> Float {
        guard !largest.isNaN else { return .nan }
        let emax = Int(limit.exponent)
        let exponent: Int =
            switch self {
            case .floor: Self.exponent(of: largest) - emax
            case .ceil: Self.ceiling(of: largest) - emax
            case .even: Self.exponent(of: largest, roundedTo: format?.mantissaBits ?? 1) - emax
            case .rceil: Self.ceiling(of: largest / limit)
            }
        return Float(sign: .plus, exponent: min(max(exponent, -127), 127), significand: 1)
    }

    /// The exponent that the bits say: −127 for 0 and subnormal numbers, 128 for infinity.
    private static func exponent(of value: Float, roundedTo mantissaBits: Int? = nil) -> Int {
        let half: UInt32 = mantissaBits.map { 1 << (22 - UInt32($0)) } ?? 0
        return Int((value.magnitude.bitPattern &+ half) >> 23) - 127
    }

    /// The exponent of the smallest power of two from 2⁻¹²⁷ on that is not below.
    private static func ceiling(of value: Float) -> Int {
        guard value.magnitude > 0x1p-127 else { return -127 }
        return exponent(of: value) + (value.magnitude.bitPattern & 0x7F_FFFF > 0 ? 1 : 0)
    }
}
