internal import Foundation

extension BinaryKernel {
    @inline(__always)
    private static func zip(_ function: @escaping @Sendable (Float, Float) -> Float) -> BinaryLoop {
        { zipElements(Float.self, Float.self, $0, function) }
    }

    @inline(__always)
    private static func zip(_ function: @escaping @Sendable (Double, Double) -> Double) -> BinaryLoop {
        { zipElements(Double.self, Double.self, $0, function) }
    }

    static func floatLoop(_ function: BinaryFunction) -> BinaryLoop? {
        switch function {
        case .add: zip { (x: Float, y) in x + y }
        case .subtract: zip { (x: Float, y) in x - y }
        case .multiply: zip { (x: Float, y) in x * y }
        case .divide: zip { (x: Float, y) in x / y }
        case .power: powerLoop
        case .minimum: zip { (x: Float, y) in x < y || x != x ? x : y }
        case .maximum: zip { (x: Float, y) in x > y || x != x ? x : y }
        case .modulo: zip { (x: Float, y) in floorModulo(x, y) }
        case .remainder: zip { (x: Float, y) in fmodf(x, y) }
        case .parametricRelu: zip { (x: Float, slope) in x < 0 ? slope * x : x }
        case .reluGradient: zip { (g: Float, y) in y > 0 ? g : 0 }
        case .sigmoidGradient: zip { (g: Float, y) in g * (y * (1 - y)) }
        case .tanhGradient: zip { (g: Float, y) in g * (1 - y * y) }
        case .squaredDifference: zip { (x: Float, y) in (x - y) * (x - y) }
        default: comparisonLoop(function, Float.self)
        }
    }

    static func doubleLoop(_ function: BinaryFunction) -> BinaryLoop? {
        switch function {
        case .add: zip { (x: Double, y) in x + y }
        case .subtract: zip { (x: Double, y) in x - y }
        case .multiply: zip { (x: Double, y) in x * y }
        case .divide: zip { (x: Double, y) in x / y }
        case .power: zip { (x: Double, y) in pow(x, y) }
        case .minimum: zip { (x: Double, y) in x < y || x != x ? x : y }
        case .maximum: zip { (x: Double, y) in x > y || x != x ? x : y }
        case .modulo: zip { (x: Double, y) in floorModulo(x, y) }
        case .remainder: zip { (x: Double, y) in fmod(x, y) }
        case .parametricRelu: zip { (x: Double, slope) in x < 0 ? slope * x : x }
        case .reluGradient: zip { (g: Double, y) in y > 0 ? g : 0 }
        case .sigmoidGradient: zip { (g: Double, y) in g * (y * (1 - y)) }
        case .tanhGradient: zip { (g: Double, y) in g * (1 - y * y) }
        case .squaredDifference: zip { (x: Double, y) in (x - y) * (x - y) }
        default: comparisonLoop(function, Double.self)
        }
    }

    /// Squares, cubes and roots by a common exponent are spared the library call.
    private static let powerLoop: BinaryLoop = { row in
        let exponent = row.b.assumingMemoryBound(to: Float.self)[0]
        if !row.bVaries && exponent == 2 {
            zipElements(Float.self, Float.self, row) { x, _ in x * x }
        } else if !row.bVaries && exponent == 3 {
            zipElements(Float.self, Float.self, row) { x, _ in x * x * x }
        } else if !row.bVaries && exponent == 0.5 {
            zipElements(Float.self, Float.self, row) { x, _ in x.squareRoot() }
        } else {
            zipElements(Float.self, Float.self, row) { powf($0, $1) }
        }
    }

    private static func floorModulo<T: BinaryFloatingPoint>(_ x: T, _ y: T) -> T {
        let rest = x.truncatingRemainder(dividingBy: y)
        return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest
    }

    static func comparisonLoop<T: Comparable & BitwiseCopyable & Sendable>(
        _ function: BinaryFunction, _ type: T.Type
    ) -> BinaryLoop? {
        switch function {
        case .equal: { zipElements(T.self, Bool.self, $0) { $0 == $1 } }
        case .less: { zipElements(T.self, Bool.self, $0) { $0 < $1 } }
        case .lessOrEqual: { zipElements(T.self, Bool.self, $0) { $0 <= $1 } }
        case .greater: { zipElements(T.self, Bool.self, $0) { $0 > $1 } }
        case .greaterOrEqual: { zipElements(T.self, Bool.self, $0) { $0 >= $1 } }
        default: nil
        }
    }
}
