/// A float of at most 8 bits as a table of values: OCP FP8 (E4M3FN, E5M2), OCP MX (E2M1, E8M0).
package struct MiniFloat: Sendable {
    /// The value of every code.
    package let values: [Float]
    /// Finite magnitudes in rising order; the index is the code without its sign.
    private let magnitudes: [Float]
    private let signBit: UInt8?

    package static let e4m3fn = MiniFloat(exponentBits: 4, mantissaBits: 3, bias: 7, special: .onlyNaN)
    package static let e5m2 = MiniFloat(exponentBits: 5, mantissaBits: 2, bias: 15, special: .infinityAndNaN)
    package static let e2m1 = MiniFloat(exponentBits: 2, mantissaBits: 1, bias: 1, special: .none)
    /// Powers of two 2^(code − 127) without sign; code 255 is NaN.
    package static let e8m0 = MiniFloat()

    private enum Special { case none, onlyNaN, infinityAndNaN }

    private init(exponentBits: Int, mantissaBits: Int, bias: Int, special: Special) {
        let count = 1 << (exponentBits + mantissaBits)
        let finite: Int =
            switch special {
            case .none: count
            case .onlyNaN: count - 1
            case .infinityAndNaN: count - (1 << mantissaBits)
            }
        magnitudes = (0..<finite).map { code in
            let exponent = code >> mantissaBits
            let mantissa = Float(code & ((1 << mantissaBits) - 1)) / Float(1 << mantissaBits)
            return exponent == 0
                ? mantissa * Float(sign: .plus, exponent: 1 - bias, significand: 1)
                : (1 + mantissa) * Float(sign: .plus, exponent: exponent - bias, significand: 1)
        }
        var positive = magnitudes
        while positive.count < count {
            positive.append(special == .infinityAndNaN && positive.count == finite ? .infinity : .nan)
        }
        values = positive + positive.map { -$0 }
        signBit = UInt8(count)
    }

    private init() {
        magnitudes = (0..<255).map { Float(sign: .plus, exponent: $0 - 127, significand: 1) }
        values = magnitudes + [.nan]
        signBit = nil
    }

    /// The code of the nearest value, ties to the even code; values beyond the largest saturate, NaN maps to the largest
    /// code that has no number, or to zero where every code is a number.
    package func code(nearest value: Float) -> UInt8 {
        if value.isNaN {
            let codes = values.count / (signBit == nil ? 1 : 2)
            return codes == magnitudes.count ? 0 : UInt8(codes - 1)
        }
        let negative = value.sign == .minus
        if negative && signBit == nil { return 0 }
        let magnitude = value.magnitude
        var low = 0
        var high = magnitudes.count - 1
        if magnitude >= magnitudes[high] { low = high } else {
            while high - low > 1 {
                let middle = (low + high) / 2
                if magnitudes[middle] <= magnitude { low = middle } else { high = middle }
            }
            let toLow = magnitude - magnitudes[low]
            let toHigh = magnitudes[high] - magnitude
            if toHigh < toLow || (toHigh == toLow && low & 1 == 1) { low = high }
        }
        return UInt8(low) | (negative ? signBit ?? 0 : 0)
    }
}

extension ElementType {
    package var miniFloat: MiniFloat? {
        switch self {
        case .float8E4M3FN: .e4m3fn
        case .float8E5M2: .e5m2
        case .float4E2M1: .e2m1
        case .float8E8M0: .e8m0
        default: nil
        }
    }
}
