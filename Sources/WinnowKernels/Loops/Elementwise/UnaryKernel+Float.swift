internal import CWinnowKernels
internal import Foundation

/// Loops with parameters are written out in their case: handed to a helper as a closure they would not vectorize.
extension UnaryKernel {
    @inline(__always)
    private static func map(_ function: @escaping @Sendable (Float) -> Float) -> UnaryLoop {
        { mapElements(Float.self, Float.self, $0, $1, $2, function) }
    }

    /// A loop written in C, for processors' wide vectors.
    private static func wide(
        _ loop: @escaping @Sendable (UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void
    ) -> UnaryLoop {
        { loop($0.assumingMemoryBound(to: Float.self), $1.assumingMemoryBound(to: Float.self), $2) }
    }

    static func floatLoop(_ function: UnaryFunction) -> UnaryLoop? {
        if let loop = arithmeticLoop(function) ?? activationLoop(function) ?? libraryLoop(function) { return loop }
        switch function {
        case .isNaN: return { mapElements(Float.self, Bool.self, $0, $1, $2) { $0 != $0 } }
        case .isInfinite(let negative, let positive):
            return {
                mapElements(Float.self, Bool.self, $0, $1, $2) {
                    ($0 == .infinity && positive) || ($0 == -.infinity && negative)
                }
            }
        default: return nil
        }
    }

    private static func arithmeticLoop(_ function: UnaryFunction) -> UnaryLoop? {
        switch function {
        case .identity: return map { $0 }
        case .absolute: return wide(winnow_absolute)
        case .negate: return wide(winnow_negate)
        case .sign: return map { $0 > 0 ? 1 : ($0 < 0 ? -1 : $0) }
        case .reciprocal: return wide(winnow_reciprocal)
        case .square: return wide(winnow_square)
        case .squareRoot: return wide(winnow_square_root)
        case .floor: return map { Rounding.floor($0) }
        case .ceil: return map { Rounding.ceil($0) }
        case .roundHalfToEven: return map { Rounding.round($0) }
        case .exp: return wide(winnow_exp)
        case .log: return wide(winnow_log)
        case .clip(let low, let high):
            return wide { winnow_clip($0, $1, $2, Float(low), Float(high)) }
        case .affine(let scale, let offset):
            return wide { winnow_affine($0, $1, $2, Float(scale), Float(offset)) }
        case .shrink(let lambd, let bias):
            return {
                mapElements(Float.self, Float.self, $0, $1, $2) { x in
                    let (raised, lowered) = (x + bias, x - bias)
                    let above = x > lambd ? lowered : 0
                    return x < -lambd ? raised : above
                }
            }
        default: return nil
        }
    }

    private static func activationLoop(_ function: UnaryFunction) -> UnaryLoop? {
        switch function {
        case .relu: return wide(winnow_relu)
        case .leakyRelu(let alpha):
            return wide { winnow_leaky_relu($0, $1, $2, alpha) }
        case .thresholdedRelu(let alpha):
            return { mapElements(Float.self, Float.self, $0, $1, $2) { x in x > alpha ? x : 0 } }
        case .tanh: return wide(winnow_tanh)
        case .erf: return wide(winnow_erf)
        case .sigmoid: return wide(winnow_sigmoid)
        case .softplus: return wide(winnow_softplus)
        case .softsign: return map { $0 / (1 + Rounding.magnitude($0)) }
        case .mish: return wide(winnow_mish)
        case .hardSigmoid(let alpha, let beta):
            return wide { winnow_hard_sigmoid($0, $1, $2, alpha, beta) }
        case .hardSwish: return wide(winnow_hard_swish)
        case .swish(let alpha): return wide { winnow_swish($0, $1, $2, alpha) }
        case .elu(let alpha): return wide { winnow_elu($0, $1, $2, alpha, 1, 1) }
        case .selu(let alpha, let gamma): return wide { winnow_elu($0, $1, $2, alpha, gamma, 1) }
        case .celu(let alpha): return wide { winnow_elu($0, $1, $2, alpha, 1, 1 / alpha) }
        case .gelu: return wide(winnow_gelu)
        case .geluTanh: return wide(winnow_gelu_tanh)
        default: return nil
        }
    }

    private static func libraryLoop(_ function: UnaryFunction) -> UnaryLoop? {
        switch function {
        case .sin: return map { sinf($0) }
        case .cos: return map { cosf($0) }
        case .tan: return map { tanf($0) }
        case .asin: return map { asinf($0) }
        case .acos: return map { acosf($0) }
        case .atan: return map { atanf($0) }
        case .sinh: return map { sinhf($0) }
        case .cosh: return map { coshf($0) }
        case .asinh: return map { asinhf($0) }
        case .acosh: return map { acoshf($0) }
        case .atanh: return map { atanhf($0) }
        default: return nil
        }
    }
}
