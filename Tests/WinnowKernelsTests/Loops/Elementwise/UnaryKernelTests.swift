import Foundation
import Testing
import WinnowKernels
import WinnowTensor

@Suite struct UnaryKernelTests {
    static let functions: [UnaryFunction] = [
        .identity, .absolute, .negate, .sign, .reciprocal, .square, .squareRoot, .floor, .ceil, .roundHalfToEven, .exp,
        .log, .sin, .cos, .tan, .asin, .acos, .atan, .sinh, .cosh, .tanh, .asinh, .acosh, .atanh, .erf, .sigmoid,
        .softplus, .softsign, .relu, .hardSwish, .mish, .leakyRelu(alpha: 0.1), .thresholdedRelu(alpha: 0.5),
        .hardSigmoid(alpha: 0.2, beta: 0.5), .swish(alpha: 1.5), .elu(alpha: 0.7), .selu(alpha: 1.67326, gamma: 1.0507),
        .celu(alpha: 1.3), .gelu, .geluTanh, .clip(low: -1, high: 2.5), .affine(scale: 2, offset: -0.5),
        .shrink(lambd: 0.5, bias: 0.1),
    ]

    /// Every order of magnitude, both signs, halves, and the places where polynomials meet.
    static let samples: [Float] = {
        var data = RandomGenerator(seed: 3)
        var values: [Float] = [0, -0.0, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 8_388_607.5, -8_388_609, 0x1p-140, 0.625, 0.927_734_4]
        for exponent in -30...7 {
            for sign in [Float(-1), 1] { values.append(sign * Float(sign: .plus, exponent: exponent, significand: 1 + data.uniform())) }
        }
        for _ in 0..<20_000 { values.append(data.normal() * 3) }
        for _ in 0..<2_000 { values.append(data.uniform() * 190 - 95) }
        return values
    }()

    @Test(arguments: functions) func float32MatchesFloat64(function: UnaryFunction) throws {
        let x = Tensor(Self.samples)
        let actual = try UnaryKernel.apply(function, x).doubles()
        let expected = try UnaryKernel.apply(function, x.converted(to: .float64)).doubles().map { Double(Float($0)) }
        var worst = (0.0, Float(0))
        for (index, (a, e)) in zip(actual, expected).enumerated() {
            if a == e || (a.isNaN && e.isNaN) { continue }
            // Formulas that subtract near-equal numbers (gelu's tail) are exact only relative to their argument.
            let scale = max(abs(e), Double(abs(Self.samples[index])) * function.cancellation, 1e-32)
            let error = (abs(a - e) / scale).isNaN ? .infinity : abs(a - e) / scale
            if error > worst.0 { worst = (error, Self.samples[index]) }
        }
        #expect(worst.0 < function.tolerance, "\(function) at \(worst.1): relative error \(worst.0)")
    }

    @Test(arguments: functions) func specialValuesAreThoseOfFloat64(function: UnaryFunction) throws {
        let x = Tensor([Float.nan, .infinity, -.infinity, 0, -0.0, 100, -100, 3e38, -3e38])
        let actual = try UnaryKernel.apply(function, x).doubles()
        let expected = try UnaryKernel.apply(function, x.converted(to: .float64)).doubles().map { Double(Float($0)) }
        for (index, (a, e)) in zip(actual, expected).enumerated() where !(a.isNaN && e.isNaN) && !function.isLoose {
            #expect(a == e || abs(a - e) <= 1e-5 * abs(e) + 1e-37, "\(function) of \(x.floats()[index]): \(a), not \(e)")
        }
    }

    @Test(arguments: [UnaryFunction.exp, .tanh, .relu, .gelu, .log], [ElementType.float16, .bfloat16])
    func halvesAreRoundedFloats(function: UnaryFunction, type: ElementType) throws {
        let x = Tensor(Self.samples).converted(to: type)
        let expected = try UnaryKernel.apply(function, x.converted(to: .float32)).converted(to: type)
        let actual = try UnaryKernel.apply(function, x)
        for (a, e) in zip(actual.doubles(), expected.doubles()) { #expect(a == e || a.isNaN && e.isNaN) }
    }

    @Test func worksInPlaceAndOnSeveralThreads() throws {
        var data = TestTensors(seed: 1)
        let x = data.normal([200_003])
        let expected = try UnaryKernel.apply(.sigmoid, x)
        let block = Block(x.shape)
        block.base.copyMemory(from: x.pointer, byteCount: x.byteCount)
        try UnaryKernel(.sigmoid, .float32).run(from: block.base, to: block.base, count: x.elementCount)
        #expect(Tensor(storage: block.storage, shape: x.shape, .float32) == expected)
        #expect(abs(Double(expected.floats()[200_002]) - 1 / (1 + exp(-Double(x.floats()[200_002])))) < 1e-6)
    }

    @Test func integersAndBools() throws {
        let x = Tensor([Int8.min, -3, 0, 5, Int8.max])
        #expect(try UnaryKernel.apply(.absolute, x).elements(Int8.self) == [.min, 3, 0, 5, .max])
        #expect(try UnaryKernel.apply(.negate, x).elements(Int8.self) == [.min, 3, 0, -5, -127])
        #expect(try UnaryKernel.apply(.sign, x).elements(Int8.self) == [-1, -1, 0, 1, 1])
        #expect(try UnaryKernel.apply(.clip(low: -2, high: .infinity), x).elements(Int8.self) == [-2, -2, 0, 5, .max])
        #expect(try UnaryKernel.apply(.bitwiseNot, Tensor([UInt8(0), 255])).elements(UInt8.self) == [255, 0])
        #expect(try UnaryKernel.apply(.not, Tensor([true, false])).elements(Bool.self) == [false, true])
        #expect(try UnaryKernel.apply(.isNaN, Tensor([Float.nan, 1])).elements(Bool.self) == [true, false])
        #expect(try UnaryKernel.apply(.isInfinite(negative: false, positive: true), Tensor([Float.infinity, -.infinity]))
            .elements(Bool.self) == [true, false])
        #expect(throws: WinnowError.self) { try UnaryKernel(.exp, .int32) }
    }
}

extension UnaryFunction {
    /// How much of the argument's size the error may be measured against.
    fileprivate var cancellation: Double {
        switch self {
        case .gelu, .geluTanh, .hardSwish, .hardSigmoid, .affine, .shrink, .mish, .selu: 1
        default: 0
        }
    }

    fileprivate var tolerance: Double {
        switch self {
        // The exponent is rounded before e^x is taken.
        case .swish: 1e-5
        case .mish, .geluTanh, .softplus: 1e-6
        default: 4e-7
        }
    }

    /// Whose formula gives NaN or another limit at infinity.
    fileprivate var isLoose: Bool {
        switch self {
        case .sin, .cos, .tan, .gelu, .geluTanh, .swish, .mish, .hardSwish: true
        default: false
        }
    }
}
