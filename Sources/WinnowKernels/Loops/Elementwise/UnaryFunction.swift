package import WinnowTensor

/// A function of one element; the names and constants are ONNX's.
package enum UnaryFunction: Hashable, Sendable {
    case identity, absolute, negate, sign, reciprocal, square, squareRoot
    case floor, ceil, roundHalfToEven
    case exp, log, sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, asinh, acosh, atanh
    case erf, sigmoid, softplus, softsign, relu, hardSwish, mish
    /// x < 0 ? alpha·x : x
    case leakyRelu(alpha: Float)
    /// x > alpha ? x : 0
    case thresholdedRelu(alpha: Float)
    /// max(0, min(1, alpha·x + beta))
    case hardSigmoid(alpha: Float, beta: Float)
    /// x·sigmoid(alpha·x)
    case swish(alpha: Float)
    /// x < 0 ? alpha·(e^x − 1) : x
    case elu(alpha: Float)
    /// gamma·(x < 0 ? alpha·(e^x − 1) : x)
    case selu(alpha: Float, gamma: Float)
    /// max(0, x) + min(0, alpha·(e^(x/alpha) − 1))
    case celu(alpha: Float)
    /// ½x(1 + erf(x/√2))
    case gelu
    /// ½x(1 + tanh(√(2/π)(x + 0.044715x³)))
    case geluTanh
    /// max(low, min(high, x)); NaN stays NaN
    case clip(low: Double, high: Double)
    /// scale·x + offset
    case affine(scale: Double, offset: Double)
    /// x < −lambd ? x + bias : x > lambd ? x − bias : 0
    case shrink(lambd: Float, bias: Float)
    /// Bool → Bool.
    case not
    case bitwiseNot
    /// Float → Bool.
    case isNaN
    /// Float → Bool.
    case isInfinite(negative: Bool, positive: Bool)

    /// The element type of the result for arguments of type `argument`.
    package func resultType(of argument: ElementType) -> ElementType {
        switch self {
        case .isNaN, .isInfinite: .bool
        default: argument
        }
    }
}
