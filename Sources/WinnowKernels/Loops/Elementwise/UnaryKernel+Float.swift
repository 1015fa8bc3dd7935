internal import CWinnowKernels
internal import Foundation

/// Loops with parameters are written out in their case: handed to a helper as a closure they would not vectorize.
extension UnaryKernel {
    @inline(__always)
    private static func map(_ function: @escaping @Sendable (Float) -> Float) -> UnaryLoop {
        { mapElements(Float.self, Float.self, $0, $1, $2, function) }
    }

    /// For functions too long to be inlined into two loops; a call for each element would not vectorize.
    @inline(__always)
    private static func mapLong(_ function: @escaping @Sendable (Float) -> Float) -> UnaryLoop {
        { mapThroughBlocks($0, $1, $2, function) }
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

    private static let squareRootLoop: UnaryLoop = { source, target, count in
        winnow_square_root(source.assumingMemoryBound(to: Float.self), target.assumingMemoryBound(to: Float.self), count)
    }

    private static func arithmeticLoop(_ function: UnaryFunction) -> UnaryLoop? {
        switch function {
        case .identity: return map { $0 }
        case .absolute: return map { Elementary.magnitude($0) }
        case .negate: return map { -$0 }
        case .sign: return map { $0 > 0 ? 1 : ($0 < 0 ? -1 : $0) }
        case .reciprocal: return map { 1 / $0 }
        case .square: return map { $0 * $0 }
        case .squareRoot: return squareRootLoop
        case .floor: return map { Elementary.floor($0) }
        case .ceil: return map { Elementary.ceil($0) }
        case .roundHalfToEven: return map { Elementary.round($0) }
        case .exp: return mapLong { Elementary.exp($0) }
        case .log: return mapLong { Elementary.log($0) }
        case .clip(let low, let high):
            let (low, high) = (Float(low), Float(high))
            return {
                mapElements(Float.self, Float.self, $0, $1, $2) { x in
                    let raised = x < low ? low : x
                    return raised > high ? high : raised
                }
            }
        case .affine(let scale, let offset):
            let (scale, offset) = (Float(scale), Float(offset))
            return { mapElements(Float.self, Float.self, $0, $1, $2) { x in x * scale + offset } }
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
        case .relu: return map { $0 < 0 ? 0 : $0 }
        case .leakyRelu(let alpha):
            return {
                mapElements(Float.self, Float.self, $0, $1, $2) { x in
                    let below = alpha * x
                    return x < 0 ? below : x
                }
            }
        case .thresholdedRelu(let alpha):
            return { mapElements(Float.self, Float.self, $0, $1, $2) { x in x > alpha ? x : 0 } }
        case .tanh: return mapLong { Elementary.tanh($0) }
        case .erf: return mapLong { Elementary.erf($0) }
        case .sigmoid: return mapLong { Elementary.sigmoid($0) }
        case .softplus: return mapLong { Elementary.softplus($0) }
        case .softsign: return map { $0 / (1 + Elementary.magnitude($0)) }
        case .mish: return mapLong { $0 * Elementary.tanh(Elementary.softplus($0)) }
        case .hardSigmoid(let alpha, let beta):
            return { mapElements(Float.self, Float.self, $0, $1, $2) { x in unit(x * alpha + beta) } }
        case .hardSwish: return map { $0 * unit($0 * (1 / 6) + 0.5) }
        case .swish(let alpha):
            return { mapThroughBlocks($0, $1, $2) { x in x * Elementary.sigmoid(x * alpha) } }
        case .elu(let alpha): return { mapThroughBlocks($0, $1, $2) { x in elu(x, alpha) } }
        case .selu(let alpha, let gamma):
            return { mapThroughBlocks($0, $1, $2) { x in gamma * elu(x, alpha) } }
        case .celu(let alpha):
            let inverse = 1 / alpha
            return {
                mapThroughBlocks($0, $1, $2) { x in
                    let below = alpha * Elementary.expMinusOne(x * inverse)
                    return x < 0 ? below : x
                }
            }
        case .gelu: return mapLong { 0.5 * $0 * (1 + Elementary.erf($0 * 0.707_106_781_2)) }
        case .geluTanh:
            return mapLong { 0.5 * $0 * (1 + Elementary.tanh(0.797_884_560_8 * ($0 + 0.044_715 * $0 * $0 * $0))) }
        default: return nil
        }
    }

    @inline(__always)
    private static func elu(_ x: Float, _ alpha: Float) -> Float {
        let below = alpha * Elementary.expMinusOne(x)
        return x < 0 ? below : x
    }

    @inline(__always)
    private static func unit(_ x: Float) -> Float {
        let raised = x < 0 ? 0 : x
        return raised > 1 ? 1 : raised
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
