internal import CWinnowKernels
internal import Foundation

extension BinaryKernel {
    @inline(__always)
    private static func zip(_ function: @escaping @Sendable (Float, Float) -> Float) -> BinaryLoop {
        { zipElements(Float.self, Float.self, $0, function) }
    }

    /// A loop written in C, for processors' wide vectors.
    private static func wide(_ loop: @escaping @Sendable (UnsafePointer<winnow_pair>, UnsafeMutablePointer<Float>) -> Void) -> BinaryLoop {
        { row in
            var pair = winnow_pair(
                x: row.a.assumingMemoryBound(to: Float.self), y: row.b.assumingMemoryBound(to: Float.self), x_varies: row.aVaries ? 1 : 0,
                y_varies: row.bVaries ? 1 : 0, count: row.count)
            loop(&pair, row.target.assumingMemoryBound(to: Float.self))
        }
    }

    @inline(__always)
    private static func zip(_ function: @escaping @Sendable (Double, Double) -> Double) -> BinaryLoop {
        { zipElements(Double.self, Double.self, $0, function) }
    }

    static func floatLoop(_ function: BinaryFunction) -> BinaryLoop? {
        switch function {
        case .add: wide(winnow_add)
        case .subtract: wide(winnow_subtract)
        case .multiply: wide(winnow_multiply)
        case .divide: wide(winnow_divide)
        case .power: powerLoop
        case .minimum: wide(winnow_minimum)
        case .maximum: wide(winnow_maximum)
        case .modulo: zip { (x: Float, y) in floorModulo(x, y) }
        case .remainder: zip { (x: Float, y) in fmodf(x, y) }
        case .parametricRelu: wide(winnow_parametric_relu)
        case .reluGradient: wide(winnow_relu_gradient)
        case .sigmoidGradient: wide(winnow_sigmoid_gradient)
        case .tanhGradient: wide(winnow_tanh_gradient)
        case .squaredDifference: wide(winnow_squared_difference)
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
