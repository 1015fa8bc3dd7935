internal import WinnowTensor

extension UnaryKernel {
    static func integerLoop<T: FixedWidthInteger & BitwiseCopyable & Sendable>(
        _ function: UnaryFunction, _ type: T.Type
    ) -> UnaryLoop? {
        switch function {
        case .identity, .absolute, .relu, .floor, .ceil, .roundHalfToEven:
            return { mapElements(T.self, T.self, $0, $1, $2) { $0 } }
        case .sign: return { mapElements(T.self, T.self, $0, $1, $2) { $0 == 0 ? 0 : 1 } }
        case .square: return { mapElements(T.self, T.self, $0, $1, $2) { $0 &* $0 } }
        case .bitwiseNot: return { mapElements(T.self, T.self, $0, $1, $2) { ~$0 } }
        case .clip(let low, let high):
            let (low, high) = (T(saturating: low), T(saturating: high))
            return { mapElements(T.self, T.self, $0, $1, $2) { Swift.min(Swift.max($0, low), high) } }
        case .shrink(let lambd, let bias):
            // In float32, then cut to whole numbers.
            return {
                mapElements(T.self, T.self, $0, $1, $2) {
                    let x = Float($0)
                    return x < -lambd ? T(saturating: Double(x + bias)) : x > lambd ? T(saturating: Double(x - bias)) : 0
                }
            }
        default: return nil
        }
    }

    static func signedLoop<T: FixedWidthInteger & SignedInteger & BitwiseCopyable & Sendable>(
        _ function: UnaryFunction, _ type: T.Type
    ) -> UnaryLoop? {
        switch function {
        case .absolute: { mapElements(T.self, T.self, $0, $1, $2) { $0 < 0 ? 0 &- $0 : $0 } }
        case .negate: { mapElements(T.self, T.self, $0, $1, $2) { 0 &- $0 } }
        case .sign: { mapElements(T.self, T.self, $0, $1, $2) { $0 > 0 ? 1 : ($0 < 0 ? -1 : 0) } }
        case .relu: { mapElements(T.self, T.self, $0, $1, $2) { $0 < 0 ? 0 : $0 } }
        default: integerLoop(function, type)
        }
    }
}
