/// A float of at most 8 bits as a table of values: OCP FP8 (E4M3FN, E5M2), OCP MX (E2M1, E2M3, E3M2, E8M0).
package struct MiniFloat: Sendable {
    /// The value of every code.
    package let values: [Float]
    /// Finite magnitudes in rising order; the index is the code without its sign.
    private let magnitudes: [Float]
    private let signBit: UInt8?

    package static let e4m3fn = MiniFloat(exponentBits: 4, mantissaBits: 3, bias: 7, special: .onlyNaN)
    package static let e5m2 = MiniFloat(exponentBits: 5, mantissaBits: 2, bias: 15, special: .infinityAndNaN)
    package static let e2m1 = MiniFloat(exponentBits: 2, mantissaBits: 1, bias: 1, special: .none)
    package static let e2m3 = MiniFloat(exponentBits: 2, mantissaBits: 3, bias: 1, special: .none)
    package static let e3m2 = MiniFloat(exponentBits: 3, mantissaBits: 2, bias: 3, special: .none)
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

    /// How numbers that have no code of their own get one.
    package struct Rounding: Sendable, Hashable {
        package enum Direction: String, Sendable { case nearest, up, down }

        /// Of formats without sign and mantissa; the others round to nearest, ties to the even code.
        package var direction: Direction
        /// Whether what lies beyond the largest number becomes that, rather than infinity or NaN.
        package var saturates: Bool

        package init(_ direction: Direction = .nearest, saturates: Bool = true) {
            self.direction = direction
            self.saturates = saturates
        }
    }

    private var nanCode: UInt8? {
        let count = values.count / (signBit == nil ? 1 : 2)
        return count == magnitudes.count ? nil : UInt8(count - 1)
    }

    /// The code of the nearest value, ties to the even code; values beyond the largest saturate, NaN maps to the largest
    /// code that has no number, or to zero where every code is a number.
    package func code(nearest value: Float) -> UInt8 { code(of: value, Rounding()) }

    package func code(of value: Float, _ rounding: Rounding) -> UInt8 {
        guard let signBit else { return scaleCode(of: value, rounding) }
        let sign = value.sign == .minus ? signBit : 0
        if value.isNaN { return nanCode.map { $0 | (rounding.saturates ? 0 : sign) } ?? 0 }
        let high = magnitudes.count - 1
        let magnitude = value.magnitude
        guard magnitude >= magnitudes[high] else { return UInt8(nearestIndex(to: magnitude)) | sign }
        // Half of what would be the next step; a tie there goes to the even code.
        let limit = magnitudes[high] + (magnitudes[high] - magnitudes[high - 1]) / 2
        let isBeyond = magnitude > limit || (magnitude == limit && high & 1 == 1)
        guard isBeyond, !rounding.saturates, nanCode != nil else { return UInt8(high) | sign }
        return UInt8(high + 1) | sign
    }

    /// The index of the magnitude nearest to one below the largest, ties to the even index.
    private func nearestIndex(to magnitude: Float) -> Int {
        let low = floorIndex(of: magnitude)
        let (toLow, toHigh) = (magnitude - magnitudes[low], magnitudes[low + 1] - magnitude)
        return toHigh < toLow || (toHigh == toLow && low & 1 == 1) ? low + 1 : low
    }

    /// The last index whose magnitude is not above one that lies below the largest.
    private func floorIndex(of magnitude: Float) -> Int {
        var (low, high) = (0, magnitudes.count - 1)
        while high - low > 1 {
            let middle = (low + high) / 2
            if magnitudes[middle] <= magnitude { low = middle } else { high = middle }
        }
        return low
    }

    /// The code of a power of two.
    private func scaleCode(of value: Float, _ rounding: Rounding) -> UInt8 {
        let (last, outside) = (magnitudes.count - 1, nanCode ?? 0)
        if value.isNaN { return outside }
        if value < magnitudes[0] { return rounding.saturates ? 0 : outside }
        if value > magnitudes[last] { return rounding.saturates ? UInt8(last) : outside }
        if value == magnitudes[last] { return UInt8(last) }
        let low = floorIndex(of: value)
        if magnitudes[low] == value { return UInt8(low) }
        switch rounding.direction {
        case .up: return UInt8(low + 1)
        case .down: return UInt8(low)
        case .nearest: return UInt8(value - magnitudes[low] < magnitudes[low + 1] - value ? low : low + 1)
        }
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
