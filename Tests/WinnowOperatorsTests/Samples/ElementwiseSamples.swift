import Foundation
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

extension OperatorSamples {
    static let elementwise: [OperatorSample] = unary + parametric + binary + comparisons + selection + variadic + copies

    private static func one(
        _ op: any Operator, in range: ClosedRange<Double> = -2...2, differentiated: [Int]? = nil, tolerance: Double = 1e-5,
        _ function: @escaping @Sendable (Double) -> Double
    ) -> OperatorSample {
        OperatorSample(
            op, [.sample([2, 3, 2, 5], in: range)], differentiated: differentiated, tolerance: tolerance
        ) { inputs in
            [Tensor(inputs[0].doubles().map(function), shape: inputs[0].shape, as: .float32)]
        }
    }

    private static let unary: [OperatorSample] = [
        one(Relu()) { max(0, $0) },
        one(Sigmoid()) { 1 / (1 + exp(-$0)) },
        one(Tanh()) { tanh($0) },
        one(Exp()) { exp($0) },
        one(Log(), in: 0.5...4.5) { log($0) },
        one(Sqrt(), in: 0.5...4.5) { $0.squareRoot() },
        one(Reciprocal(), in: 0.5...4.5) { 1 / $0 },
        one(Neg()) { -$0 },
        one(Abs()) { abs($0) },
        one(Sign()) { $0 < 0 ? -1 : $0 > 0 ? 1 : 0 },
        one(Floor()) { $0.rounded(.down) },
        one(Ceil()) { $0.rounded(.up) },
        one(Round()) { $0.rounded(.toNearestOrEven) },
        one(Erf()) { erf($0) },
        one(HardSwish(), in: -5...5) { $0 * max(0, min(1, $0 / 6 + 0.5)) },
        one(Softplus()) { log(1 + exp($0)) },
        one(Softsign()) { $0 / (1 + abs($0)) },
        one(Mish()) { $0 * tanh(log(1 + exp($0))) },
        one(Sin()) { sin($0) },
        one(Cos()) { cos($0) },
        one(Tan(), in: -1...1) { tan($0) },
        one(Asin(), in: -0.75...0.75) { asin($0) },
        one(Acos(), in: -0.75...0.75) { acos($0) },
        one(Atan()) { atan($0) },
        one(Sinh()) { sinh($0) },
        one(Cosh()) { cosh($0) },
        one(Asinh()) { asinh($0) },
        one(Acosh(), in: 1.5...5.5) { acosh($0) },
        one(Atanh(), in: -0.75...0.75) { atanh($0) },
        OperatorSample(Not(), [Tensor([true, false, true])], differentiated: []) { inputs in
            [Tensor(inputs[0].doubles().map { 1 - $0 }, shape: [3], as: .bool)]
        },
        OperatorSample(IsNaN(), [Tensor([1, .nan, .infinity] as [Float])], differentiated: []) { _ in
            [Tensor([false, true, false])]
        },
        OperatorSample(Abs(), [Tensor([Int64(-3), 0, 4])]) { _ in [Tensor([Int64(3), 0, 4])] },
        OperatorSample(Sqrt(), [Tensor([4.0, 9.0])]) { _ in [Tensor([2.0, 3.0])] },
    ]

    private static let parametric: [OperatorSample] = [
        one(LeakyRelu(alpha: 0.1)) { $0 < 0 ? 0.1 * $0 : $0 },
        one(Elu(alpha: 1.5)) { $0 < 0 ? 1.5 * (exp($0) - 1) : $0 },
        one(Selu()) { 1.0507009873554805 * ($0 < 0 ? 1.6732632423543772 * (exp($0) - 1) : $0) },
        one(Celu(alpha: 2)) { max(0, $0) + min(0, 2 * (exp($0 / 2) - 1)) },
        one(HardSigmoid(alpha: 0.25), in: -4...4) { max(0, min(1, 0.25 * $0 + 0.5)) },
        one(ThresholdedRelu(alpha: 0.5)) { $0 > 0.5 ? $0 : 0 },
        one(Gelu()) { 0.5 * $0 * (1 + erf($0 / 2.0.squareRoot())) },
        one(Gelu(usesTanh: true)) { 0.5 * $0 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0))) },
        OperatorSample(
            Clip(bounds: .init(low: -0.5, high: 1)), [.sample([2, 3, 4])], version: 10, reference: clipped(-0.5, 1)),
        OperatorSample(
            Clip(), [.sample([2, 3, 4]), Tensor(scalar: Float(-0.5)), Tensor(scalar: Float(1))], constants: [1, 2],
            reference: clipped(-0.5, 1)),
        OperatorSample(
            Clip(), [.sample([2, 3, 4]), nil, Tensor(scalar: Float(1))], differentiated: [0], reference: clipped(-.infinity, 1)),
        OperatorSample(
            Clip(), [.sample([2, 3, 4]), Tensor(scalar: Float(-0.5)), Tensor(scalar: Float(1))], differentiated: [0],
            reference: clipped(-0.5, 1)),
    ]

    private static func clipped(_ low: Double, _ high: Double) -> @Sendable ([Tensor]) -> [Tensor] {
        { [Tensor($0[0].doubles().map { max(low, min(high, $0)) }, shape: $0[0].shape, as: .float32)] }
    }

    /// Two broadcast operands, read through plain indices.
    private static func two(
        _ op: any Operator, _ a: Tensor, _ b: Tensor, as type: ElementType = .float32, differentiated: [Int]? = nil,
        tolerance: Double = 1e-5, _ function: @escaping @Sendable (Double, Double) -> Double
    ) -> OperatorSample {
        OperatorSample(op, [a, b], differentiated: differentiated, tolerance: tolerance) { inputs in
            let (x, y) = (inputs[0].reader(), inputs[1].reader())
            let shape = inputs[0].shape.broadcast(with: inputs[1].shape) ?? []
            return [.computed(shape, as: type) { function(x($0), y($0)) }]
        }
    }

    private static let image = Tensor.sample([2, 3, 4, 2])

    private static let binary: [OperatorSample] = [
        two(Add(), image, .sample([2, 3, 4, 2], seed: 2)) { $0 + $1 },
        two(Add(), image, .sample([3, 1, 1], seed: 2)) { $0 + $1 },
        two(Add(), image, Tensor(scalar: Float(0.5))) { $0 + $1 },
        two(Add(), .sample([2, 1, 4, 1]), .sample([3, 1, 2], seed: 2)) { $0 + $1 },
        two(Add(), Tensor([Int64(5), 6]), Tensor([Int64(1), -2]), as: .int64) { $0 + $1 },
        two(Sub(), image, .sample([1, 3, 1, 1], seed: 2)) { $0 - $1 },
        two(Mul(), image, .sample([1, 3, 1, 1], seed: 2)) { $0 * $1 },
        two(Mul(), .sample([4]), .sample([3, 4], seed: 2)) { $0 * $1 },
        two(Div(), image, .sample([3, 4, 2], in: 0.5...3, seed: 2)) { $0 / $1 },
        two(Pow(), .sample([3, 4], in: 0.5...2.5), .sample([4], seed: 2)) { pow($0, $1) },
        two(Pow(), .sample([3, 4]), Tensor(scalar: Float(2)), differentiated: [0]) { x, _ in x * x },
        two(Pow(), .sample([3, 4]), Tensor(scalar: Int64(3)), differentiated: [0]) { x, _ in x * x * x },
        two(Pow(), Tensor([Int32(3), 2, 5, -2]), Tensor([Float(1.94), 0.5, 2.5, 3]), as: .int32, differentiated: []) { pow($0, $1).rounded(.towardZero) },
        two(Pow(), Tensor([Int64(3), 1, 2], shape: [3, 1]), Tensor(scalar: Int64(4)), as: .int64) { pow($0, $1) },
        two(Pow(), .sample([3, 4], in: 0.5...2.5), Tensor([1.5, 2, 0.25, 3]), differentiated: []) { pow($0, $1) },
        two(Mod(), Tensor([Int64(5), -5, 7]), Tensor([Int64(3), 3, -4]), as: .int64) { a, b in a - b * (a / b).rounded(.down) },
        two(Mod(truncates: true), .sample([3, 4]), Tensor(scalar: Float(0.75))) { fmod($0, $1) },
        two(PRelu(), image, .sample([3, 1, 1], seed: 2)) { $0 < 0 ? $1 * $0 : $0 },
        two(PRelu(), .sample([3, 4]), .sample([1], seed: 2)) { $0 < 0 ? $1 * $0 : $0 },
        two(ActivationGradient(.clip(low: -1, high: 0.5)), image, .sample([2, 3, 4, 2], seed: 2), differentiated: []) {
            $1 >= -1 && $1 <= 0.5 ? $0 : 0
        },
        two(ActivationGradient(.relu), image, .sample([2, 3, 4, 2], seed: 2), differentiated: []) { $1 > 0 ? $0 : 0 },
        two(ActivationGradient(.gelu(usesTanh: false)), image, .sample([2, 3, 4, 2], seed: 2), differentiated: []) { g, x in
            g * (0.5 * (1 + erf(x / 2.0.squareRoot())) + x * exp(-0.5 * x * x) / (2 * Double.pi).squareRoot())
        },
        two(ActivationGradient(.swish(alpha: 1.5)), image, .sample([2, 3, 4, 2], seed: 2), differentiated: []) { g, x in
            let gate = 1 / (1 + exp(-1.5 * x))
            return g * (gate + 1.5 * x * gate * (1 - gate))
        },
        two(ReluGradient(), image, .sample([2, 3, 4, 2], seed: 2), differentiated: []) { $1 > 0 ? $0 : 0 },
        two(SigmoidGradient(), image, .sample([2, 3, 4, 2], seed: 2), differentiated: []) { $0 * $1 * (1 - $1) },
        two(TanhGradient(), image, .sample([2, 3, 4, 2], seed: 2), differentiated: []) { $0 * (1 - $1 * $1) },
    ]

    private static let comparisons: [OperatorSample] = {
        let (a, b) = (Tensor([1, 2, 3] as [Float]), Tensor([3, 2, 1] as [Float]))
        let (p, q) = (Tensor([true, true, false, false]), Tensor([true, false, true, false]))
        return [
            two(Equal(), a, b, as: .bool, differentiated: []) { $0 == $1 ? 1 : 0 },
            two(Greater(), a, b, as: .bool, differentiated: []) { $0 > $1 ? 1 : 0 },
            two(Less(), a, b, as: .bool, differentiated: []) { $0 < $1 ? 1 : 0 },
            two(GreaterOrEqual(), a, b, as: .bool, differentiated: []) { $0 >= $1 ? 1 : 0 },
            two(LessOrEqual(), a, b, as: .bool, differentiated: []) { $0 <= $1 ? 1 : 0 },
            two(And(), p, q, as: .bool) { $0 * $1 },
            two(Or(), p, q, as: .bool) { max($0, $1) },
            two(Xor(), p, q, as: .bool) { abs($0 - $1) },
        ]
    }()

    private static let selection: [OperatorSample] = [
        OperatorSample(
            Where(), [Tensor([true, false, true]), .sample([2, 3]), .sample([2, 1], seed: 2)]
        ) { inputs in
            let (c, a, b) = (inputs[0].reader(), inputs[1].reader(), inputs[2].reader())
            return [.computed([2, 3]) { c($0) != 0 ? a($0) : b($0) }]
        },
        OperatorSample(
            Where(), [.counting([1, 2, 2, 2], as: .bool, modulus: 2), .sample([1, 2, 2, 2]), Tensor(scalar: Float(0))]
        ) { inputs in
            let (c, a) = (inputs[0].reader(), inputs[1].reader())
            return [.computed([1, 2, 2, 2]) { c($0) != 0 ? a($0) : 0 }]
        },
    ]

    private static func many(_ op: any Operator, _ tensors: [Tensor], _ join: @escaping @Sendable ([Double]) -> Double)
        -> OperatorSample
    {
        OperatorSample(op, tensors) { inputs in
            let shape = inputs.reduce(Shape()) { $0.broadcast(with: $1.shape) ?? [] }
            let readers = inputs.map { $0.reader() }
            return [.computed(shape) { index in join(readers.map { $0(index) }) }]
        }
    }

    private static let variadic: [OperatorSample] = [
        many(Sum(), [.sample([3]), .sample([2, 3], seed: 2), .sample([2, 1], seed: 3)]) { $0.reduce(0, +) },
        many(Sum(), [image, .sample([2, 3, 4, 2], seed: 2), .sample([2, 3, 4, 2], seed: 3)]) { $0.reduce(0, +) },
        many(Mean(), [.sample([2, 3]), .sample([3], seed: 2)]) { $0.reduce(0, +) / 2 },
        many(Min(), [.sample([2, 3]), .sample([3], seed: 9)]) { $0.min() ?? 0 },
        many(Max(), [.sample([2, 3]), .sample([2, 3], seed: 9), .sample([1], seed: 7)]) { $0.max() ?? 0 },
    ]

    private static let copies: [OperatorSample] = [
        OperatorSample(Identity(), [.sample([2, 3, 2])]) { [$0[0]] },
        OperatorSample(Cast(to: .int32), [.sample([2, 3, 2])], differentiated: []) { [$0[0].converted(to: .int32)] },
        OperatorSample(Cast(to: .float32), [.counting([5], as: .uint8)]) { [$0[0].converted(to: .float32)] },
        OperatorSample(Cast(to: .float16), [.sample([2, 3])], differentiated: []) { [$0[0].converted(to: .float16)] },
        OperatorSample(Dropout(), [.sample([2, 3, 2])]) { [$0[0]] },
        OperatorSample(Dropout(ratio: 0.25), [.sample([2, 3, 2])], outputs: 2, version: 11) { inputs in
            [inputs[0], Tensor(repeating: true, shape: inputs[0].shape)]
        },
        OperatorSample(Dropout(), [.sample([2, 3]), Tensor(scalar: Float(0.5))], constants: [1]) { [$0[0]] },
        OperatorSample(RandomMask(ratio: 0.25, seed: 3), [indices(4, 5), Tensor(scalar: Int64(7))], constants: [0]),
        OperatorSample(SumToShape(), [.sample([2, 3, 4]), indices(3, 1)], constants: [1], differentiated: []) { inputs in
            let x = inputs[0].reader()
            return [.computed([3, 1]) { index in
                (0..<2).reduce(0) { sum, i in sum + (0..<4).reduce(0) { $0 + x([i, index[0], $1]) } }
            }]
        },
    ]
}
