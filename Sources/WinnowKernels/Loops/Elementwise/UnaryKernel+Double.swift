internal import Foundation

extension UnaryKernel {
    private static func map(_ function: @escaping @Sendable (Double) -> Double) -> UnaryLoop {
        { mapElements(Double.self, Double.self, $0, $1, $2, function) }
    }

    static func doubleLoop(_ function: UnaryFunction) -> UnaryLoop? {
        switch function {
        case .isNaN: return { mapElements(Double.self, Bool.self, $0, $1, $2) { $0.isNaN } }
        case .isInfinite(let negative, let positive):
            return {
                mapElements(Double.self, Bool.self, $0, $1, $2) {
                    ($0 == .infinity && positive) || ($0 == -.infinity && negative)
                }
            }
        default: return scalar(function).map { map($0) }
        }
    }

    /// The function as a closure on float64, by the C library; also the reference for the float32 loops.
    static func scalar(_ function: UnaryFunction) -> (@Sendable (Double) -> Double)? {
        arithmetic(function) ?? transcendental(function) ?? activation(function)
    }

    private static func arithmetic(_ function: UnaryFunction) -> (@Sendable (Double) -> Double)? {
        switch function {
        case .identity: { $0 }
        case .absolute: { $0.magnitude }
        case .negate: { -$0 }
        case .sign: { $0 > 0 ? 1 : ($0 < 0 ? -1 : $0) }
        case .reciprocal: { 1 / $0 }
        case .square: { $0 * $0 }
        case .squareRoot: { $0.squareRoot() }
        case .floor: { $0.rounded(.down) }
        case .ceil: { $0.rounded(.up) }
        case .roundHalfToEven: { $0.rounded(.toNearestOrEven) }
        case .clip(let low, let high): { $0 < low ? min(low, high) : ($0 > high ? high : $0) }
        case .affine(let scale, let offset): { $0 * scale + offset }
        case .shrink(let lambd, let bias):
            { $0 < -Double(lambd) ? $0 + Double(bias) : ($0 > Double(lambd) ? $0 - Double(bias) : 0) }
        default: nil
        }
    }

    private static func transcendental(_ function: UnaryFunction) -> (@Sendable (Double) -> Double)? {
        switch function {
        case .exp: { Foundation.exp($0) }
        case .log: { Foundation.log($0) }
        case .sin: { Foundation.sin($0) }
        case .cos: { Foundation.cos($0) }
        case .tan: { Foundation.tan($0) }
        case .asin: { Foundation.asin($0) }
        case .acos: { Foundation.acos($0) }
        case .atan: { Foundation.atan($0) }
        case .sinh: { Foundation.sinh($0) }
        case .cosh: { Foundation.cosh($0) }
        case .tanh: { Foundation.tanh($0) }
        case .asinh: { Foundation.asinh($0) }
        case .acosh: { Foundation.acosh($0) }
        case .atanh: { Foundation.atanh($0) }
        case .erf: { Foundation.erf($0) }
        default: nil
        }
    }

    private static func activation(_ function: UnaryFunction) -> (@Sendable (Double) -> Double)? {
        switch function {
        case .sigmoid: { 1 / (1 + Foundation.exp(-$0)) }
        case .softplus: { softplus($0) }
        case .softsign: { $0 / (1 + $0.magnitude) }
        case .mish: { $0 * Foundation.tanh(softplus($0)) }
        case .relu: { $0 < 0 ? 0 : $0 }
        case .leakyRelu(let alpha): { $0 < 0 ? Double(alpha) * $0 : $0 }
        case .thresholdedRelu(let alpha): { $0 > Double(alpha) ? $0 : 0 }
        case .hardSigmoid(let alpha, let beta): { unit($0 * Double(alpha) + Double(beta)) }
        case .hardSwish: { $0 * unit($0 / 6 + 0.5) }
        case .swish(let alpha): { $0 / (1 + Foundation.exp(-Double(alpha) * $0)) }
        case .elu(let alpha): { $0 < 0 ? Double(alpha) * expm1($0) : $0 }
        case .selu(let alpha, let gamma): { Double(gamma) * ($0 < 0 ? Double(alpha) * expm1($0) : $0) }
        case .celu(let alpha): { $0 < 0 ? Double(alpha) * expm1($0 / Double(alpha)) : $0 }
        case .gelu: { 0.5 * $0 * (1 + Foundation.erf($0 * 0.5.squareRoot())) }
        case .geluTanh:
            { 0.5 * $0 * (1 + Foundation.tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0))) }
        default: nil
        }
    }

    private static func unit(_ x: Double) -> Double { x < 0 ? 0 : (x > 1 ? 1 : x) }

    private static func softplus(_ x: Double) -> Double { (x < 0 ? 0 : x) + log1p(Foundation.exp(-x.magnitude)) }
}
