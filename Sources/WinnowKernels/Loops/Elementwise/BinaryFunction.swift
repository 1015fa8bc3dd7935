package import WinnowTensor

/// A function of two elements; the names are ONNX's.
package enum BinaryFunction: Hashable, Sendable, CaseIterable {
    case add, subtract, multiply, divide, power, minimum, maximum
    /// Remainder with the sign of the divisor (Python's %).
    case modulo
    /// Remainder with the sign of the dividend (C's fmod).
    case remainder
    case equal, less, lessOrEqual, greater, greaterOrEqual
    case and, or, xor
    case bitwiseAnd, bitwiseOr, bitwiseXor, shiftLeft, shiftRight
    /// x < 0 ? slope·x : x of (x, slope).
    case parametricRelu
    /// Of (gradient, y): the gradient of relu where y = relu(x), or x itself.
    case reluGradient
    /// Of (gradient, y) with y = sigmoid(x): g·y·(1 − y).
    case sigmoidGradient
    /// Of (gradient, y) with y = tanh(x): g·(1 − y²).
    case tanhGradient
    /// Of (x, y): (x − y)².
    case squaredDifference

    /// The element type of the result for arguments of type `argument`.
    package func resultType(of argument: ElementType) -> ElementType {
        switch self {
        case .equal, .less, .lessOrEqual, .greater, .greaterOrEqual, .and, .or, .xor: .bool
        default: argument
        }
    }
}
