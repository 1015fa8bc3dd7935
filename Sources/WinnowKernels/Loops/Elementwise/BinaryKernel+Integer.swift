extension BinaryKernel {
    /// Arithmetic wraps; a division or remainder by 0 gives 0.
    static func integerLoop<T: FixedWidthInteger & BitwiseCopyable & Sendable>(
        _ function: BinaryFunction, _ type: T.Type
    ) -> BinaryLoop? {
        switch function {
        case .add: { zipElements(T.self, T.self, $0) { $0 &+ $1 } }
        case .subtract: { zipElements(T.self, T.self, $0) { $0 &- $1 } }
        case .multiply: { zipElements(T.self, T.self, $0) { $0 &* $1 } }
        case .divide: { zipElements(T.self, T.self, $0) { quotient($0, $1) } }
        case .power: { zipElements(T.self, T.self, $0) { power($0, $1) } }
        case .minimum: { zipElements(T.self, T.self, $0) { $0 < $1 ? $0 : $1 } }
        case .maximum: { zipElements(T.self, T.self, $0) { $0 > $1 ? $0 : $1 } }
        case .modulo: { zipElements(T.self, T.self, $0) { modulo($0, $1) } }
        case .remainder: { zipElements(T.self, T.self, $0) { rest($0, $1) } }
        case .bitwiseAnd: { zipElements(T.self, T.self, $0) { $0 & $1 } }
        case .bitwiseOr: { zipElements(T.self, T.self, $0) { $0 | $1 } }
        case .bitwiseXor: { zipElements(T.self, T.self, $0) { $0 ^ $1 } }
        case .shiftLeft: { zipElements(T.self, T.self, $0) { $1 < 0 ? 0 : $0 << $1 } }
        case .shiftRight: { zipElements(T.self, T.self, $0) { $1 < 0 ? $0 >> T.bitWidth : $0 >> $1 } }
        case .parametricRelu: { zipElements(T.self, T.self, $0) { $0 < 0 ? $0 &* $1 : $0 } }
        default: comparisonLoop(function, type)
        }
    }

    private static func quotient<T: FixedWidthInteger>(_ x: T, _ y: T) -> T {
        y == 0 ? 0 : x.dividedReportingOverflow(by: y).partialValue
    }

    private static func rest<T: FixedWidthInteger>(_ x: T, _ y: T) -> T {
        y == 0 ? 0 : x.remainderReportingOverflow(dividingBy: y).partialValue
    }

    private static func modulo<T: FixedWidthInteger>(_ x: T, _ y: T) -> T {
        let rest = rest(x, y)
        return rest != 0 && (rest < 0) != (y < 0) ? rest &+ y : rest
    }

    /// x^y by repeated squaring, wrapping; a negative exponent leaves only 1 and −1.
    private static func power<T: FixedWidthInteger>(_ x: T, _ y: T) -> T {
        if y < 0 { return x == 1 ? 1 : (x &+ 1 == 0 && T.isSigned ? (y & 1 == 0 ? 1 : x) : 0) }
        var (result, base, exponent): (T, T, T) = (1, x, y)
        while exponent > 0 {
            if exponent & 1 == 1 { result = result &* base }
            base = base &* base
            exponent >>= 1
        }
        return result
    }
}
