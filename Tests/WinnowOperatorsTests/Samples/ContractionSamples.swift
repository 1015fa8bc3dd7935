import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

extension OperatorSamples {
    static let contraction: [OperatorSample] = convolutions + transposed + products + typedProducts

    /// A convolution by seven nested loops; pads as resolved begins.
    private static func convolved(
        _ target: Shape, stride: Int = 1, dilation: Int = 1, padding: [Int], groups: Int = 1
    ) -> @Sendable ([Tensor]) -> [Tensor] {
        { inputs in
            let (x, w) = (inputs[0].reader(), inputs[1].reader())
            let bias = inputs.count > 2 ? inputs[2].doubles() : [Double](repeating: 0, count: target[1])
            let (source, filter) = (inputs[0].shape, inputs[1].shape)
            let taps = Shape(Array(filter.dropFirst(2)))
            return [.computed(target) { index in
                var sum = bias[index[1]]
                let group = index[1] / (target[1] / groups)
                for channel in 0..<filter[1] {
                    for tap in 0..<taps.elementCount {
                        let offsets = taps.indices.map { tap / taps.strides[$0] % taps[$0] }
                        let place = taps.indices.map { index[2 + $0] * stride + offsets[$0] * dilation - padding[$0] }
                        guard taps.indices.allSatisfy({ place[$0] >= 0 && place[$0] < source[2 + $0] }) else { continue }
                        sum += x([index[0], group * filter[1] + channel] + place) * w([index[1], channel] + offsets)
                    }
                }
                return sum
            }]
        }
    }

    private static let convolutions: [OperatorSample] = [
        OperatorSample(
            Conv(stride: 1, padding: 0), [.sample([2, 3, 5, 6]), .sample([4, 3, 3, 2], seed: 2), .sample([4], seed: 3)],
            reference: convolved([2, 4, 3, 5], padding: [0, 0])),
        OperatorSample(
            Conv(stride: 2, padding: 1), [.sample([2, 2, 5, 5]), .sample([3, 2, 3, 3], seed: 2)],
            reference: convolved([2, 3, 3, 3], stride: 2, padding: [1, 1])),
        OperatorSample(
            Conv(stride: 1, padding: 1, groups: 4), [.sample([1, 4, 4, 4]), .sample([4, 1, 3, 3], seed: 2), .sample([4], seed: 3)],
            reference: convolved([1, 4, 4, 4], padding: [1, 1], groups: 4)),
        OperatorSample(
            Conv(stride: 1, padding: 0, groups: 2), [.sample([2, 4, 4, 4]), .sample([6, 2, 2, 2], seed: 2)],
            reference: convolved([2, 6, 3, 3], padding: [0, 0], groups: 2)),
        OperatorSample(
            Conv(window: Window(strides: [2, 2], autoPad: .sameUpper)), [.sample([1, 2, 5, 4]), .sample([3, 2, 3, 3], seed: 2)],
            reference: convolved([1, 3, 3, 2], stride: 2, padding: [1, 0])),
        OperatorSample(
            Conv(window: Window(dilations: [2], pads: [2, 1])), [.sample([2, 2, 7]), .sample([3, 2, 3], seed: 2)],
            reference: convolved([2, 3, 6], dilation: 2, padding: [2])),
        OperatorSample(
            Conv(window: Window(pads: [1, 0, 1, 0])), [.sample([2, 2, 4, 3]), .sample([3, 2, 3, 1], seed: 2), .sample([3], seed: 3)],
            reference: convolved([2, 3, 4, 3], padding: [1, 0])),
        OperatorSample(
            FusedConv(convolution: Conv(stride: 1, padding: 0), activation: .relu),
            [.sample([1, 2, 3, 3]), .sample([3, 2, 2, 1], seed: 2), .sample([3], seed: 3), .sample([1, 3, 2, 3], seed: 4)]),
        OperatorSample(
            Conv(window: Window(extents: [2, 2, 2])), [.sample([1, 2, 3, 3, 3]), .sample([2, 2, 2, 2, 2], seed: 2)],
            reference: convolved([1, 2, 2, 2, 2], padding: [0, 0, 0])),
        OperatorSample(
            FusedConv(convolution: Conv(stride: 1, padding: 0), activation: .relu),
            [.sample([1, 2, 3, 3]), .sample([3, 2, 2, 2], seed: 2), .sample([3], seed: 3), .sample([1, 3, 2, 2], seed: 4)]
        ) { inputs in
            let sum = convolved([1, 3, 2, 2], padding: [0, 0])(Array(inputs.prefix(3)))[0]
            let residual = inputs[3].doubles()
            return [Tensor(zip(sum.doubles(), residual).map { max(0, $0 + $1) }, shape: sum.shape, as: .float32)]
        },
        OperatorSample(
            ConvGradientData(convolution: Conv(stride: 2, padding: 1)),
            [.sample([2, 3, 3, 3]), .sample([3, 2, 3, 3], seed: 2), indices(2, 2, 5, 5)], constants: [2], differentiated: []),
        OperatorSample(
            ConvGradientWeights(convolution: Conv(stride: 2, padding: 1)),
            [.sample([2, 2, 5, 5]), .sample([2, 3, 3, 3], seed: 2), indices(3, 2, 3, 3)], constants: [2], outputs: 2,
            differentiated: []),
    ]

    /// A transposed convolution by scattering every source element; `pads` are the begins.
    private static func scattered(_ target: Shape, strides: [Int], pads: [Int], dilation: Int = 1, groups: Int = 1)
        -> @Sendable ([Tensor]) -> [Tensor]
    {
        { inputs in
            let (source, filter) = (inputs[0].shape, inputs[1].shape)
            let (x, w) = (inputs[0].reader(), inputs[1].reader())
            let bias = inputs.count > 2 ? inputs[2].doubles() : [Double](repeating: 0, count: target[1])
            let taps = Shape(Array(filter.dropFirst(2)))
            let places = Shape(Array(source.dropFirst(2)))
            return [.computed(target) { index in
                let group = index[1] / filter[1]
                var sum = bias[index[1]]
                for channel in 0..<(source[1] / groups) {
                    for place in 0..<places.elementCount {
                        let position = places.indices.map { place / places.strides[$0] % places[$0] }
                        for tap in 0..<taps.elementCount {
                            let offsets = taps.indices.map { tap / taps.strides[$0] % taps[$0] }
                            let hit = taps.indices.allSatisfy {
                                position[$0] * strides[$0] + offsets[$0] * dilation - pads[$0] == index[2 + $0]
                            }
                            guard hit else { continue }
                            let from = group * (source[1] / groups) + channel
                            sum += x([index[0], from] + position) * w([from, index[1] % filter[1]] + offsets)
                        }
                    }
                }
                return sum
            }]
        }
    }

    private static let transposed: [OperatorSample] = [
        OperatorSample(
            ConvTranspose(window: Window(strides: [2, 2], pads: [1, 1, 1, 1]), outputPadding: [1, 1]),
            [.sample([2, 3, 3, 2]), .sample([3, 4, 3, 3], seed: 2), .sample([4], seed: 3)],
            reference: scattered([2, 4, 6, 4], strides: [2, 2], pads: [1, 1])),
        OperatorSample(
            ConvTranspose(window: Window(strides: [2, 1])), [.sample([1, 2, 2, 3]), .sample([2, 3, 2, 1], seed: 2), .sample([3], seed: 3)],
            reference: scattered([1, 3, 4, 3], strides: [2, 1], pads: [0, 0])),
        OperatorSample(
            ConvTranspose(window: Window(dilations: [2, 2]), groups: 2), [.sample([1, 4, 2, 3]), .sample([4, 3, 2, 2], seed: 2)],
            reference: scattered([1, 6, 4, 5], strides: [1, 1], pads: [0, 0], dilation: 2, groups: 2)),
        OperatorSample(
            ConvTranspose(window: Window(strides: [2], autoPad: .sameUpper)), [.sample([1, 2, 4]), .sample([2, 2, 3], seed: 2)],
            reference: scattered([1, 2, 8], strides: [2], pads: [0])),
        OperatorSample(
            ConvTranspose(window: Window(strides: [2, 2]), outputShape: [5, 4]),
            [.sample([1, 2, 3, 2]), .sample([2, 2, 3, 3], seed: 2)],
            reference: scattered([1, 2, 5, 4], strides: [2, 2], pads: [1, 1])),
        OperatorSample(
            ConvTranspose(window: Window(strides: [2, 2]), outputShape: [8, 5]),
            [.sample([1, 2, 3, 2]), .sample([2, 2, 3, 3], seed: 2)],
            reference: scattered([1, 2, 8, 5], strides: [2, 2], pads: [0, 0])),
    ]

    /// alpha · A′ B′ + beta · C over the last two axes by plain loops; A′ and B′ of rank 2 and above.
    private static func multiplied(
        _ target: Shape, _ transposesLeft: Bool = false, _ transposesRight: Bool = false, alpha: Double = 1, beta: Double = 1
    ) -> @Sendable ([Tensor]) -> [Tensor] {
        { inputs in
            let (a, b) = (inputs[0].reader(), inputs[1].reader())
            let term = inputs.count > 2 ? inputs[2].reader() : { _ in 0 }
            let depth = inputs[0].shape[inputs[0].rank - (transposesLeft ? 2 : 1)]
            return [.computed(target, as: inputs[0].elementType == .float32 ? .float32 : .float64) { index in
                let batch = Array(index.dropLast(2))
                let (row, column) = (index[index.count - 2], index[index.count - 1])
                return beta * term(index) + alpha * (0..<depth).reduce(0) { sum, k in
                    sum + a(batch + (transposesLeft ? [k, row] : [row, k])) * b(batch + (transposesRight ? [column, k] : [k, column]))
                }
            }]
        }
    }

    /// Products of every type, and of every shape that a third input may have.
    private static let typedProducts: [OperatorSample] = {
        let terms: [(Shape, Float)] = [([3, 1], 1), ([3, 5], 1), ([1], 1), ([1, 1], 1), ([], 1), ([5], 0.5), ([3, 5], 2)]
        let floats = [(ElementType.float16, 4e-3), (.bfloat16, 3e-2), (.float64, 1e-14)].flatMap { type, tolerance in
            terms.map { shape, beta in
                let inputs = [Tensor.sample([3, 4]), .sample([4, 5], seed: 2), .sample(shape, seed: 3)].map { $0.converted(to: type) }
                return OperatorSample(Gemm(beta: beta), inputs, differentiated: [], tolerance: tolerance) { inputs in
                    multiplied([3, 5], beta: Double(beta))(inputs).map { Tensor($0.doubles(), shape: $0.shape, as: type) }
                }
            }
        }
        let integers = [ElementType.int32, .uint32, .int64, .uint64].flatMap { type in
            [(Shape([2, 3, 4]), Shape([4, 5]), Shape([2, 3, 5])), ([3, 4], [2, 4, 5], [2, 3, 5])].map { left, right, target in
                OperatorSample(MatMul(), [Tensor.counting(left, as: type), .counting(right, as: type, from: 3)], differentiated: []) { inputs in
                    multiplied(target)(inputs).map { $0.converted(to: type) }
                }
            }
        }
        let precise = OperatorSample(
            MatrixProduct(transposesLeft: true, transposesRight: true, alpha: 0.5, activation: .clip(low: 0, high: 3)),
            [Tensor.sample([4, 3]), .sample([5, 4], seed: 2), .sample([5], seed: 3), .sample([3, 5], seed: 4)].map { $0.converted(to: .float64) },
            differentiated: [], tolerance: 1e-14
        ) { inputs in
            let sum = multiplied([3, 5], true, true, alpha: 0.5)(Array(inputs.prefix(3)))[0].doubles()
            return [Tensor(zip(sum, inputs[3].doubles()).map { max(0, min(3, $0 + $1)) }, shape: [3, 5])]
        }
        let fused = OperatorSample(
            FusedGemm(Gemm(beta: 0.5), activation: .relu),
            [Tensor.sample([3, 4]), .sample([4, 5], seed: 2), .sample([3, 1], seed: 3)].map { $0.converted(to: .float16) }, differentiated: [],
            tolerance: 4e-3
        ) { inputs in [Tensor(multiplied([3, 5], beta: 0.5)(inputs)[0].doubles().map { max($0, 0) }, shape: [3, 5], as: .float16)] }
        return floats + integers + [precise, fused]
    }()

    private static let products: [OperatorSample] = [
        OperatorSample(Gemm(), [.sample([3, 4]), .sample([4, 5], seed: 2), .sample([5], seed: 3)], reference: multiplied([3, 5])),
        OperatorSample(
            Gemm(transposesRight: true), [.sample([3, 4]), .sample([5, 4], seed: 2)], reference: multiplied([3, 5], false, true)),
        OperatorSample(
            Gemm(transposesLeft: true, alpha: 0.5, beta: 2), [.sample([4, 3]), .sample([4, 5], seed: 2), .sample([3, 1], seed: 3)],
            reference: multiplied([3, 5], true, false, alpha: 0.5, beta: 2)),
        OperatorSample(
            Gemm(transposesLeft: true, transposesRight: true, beta: 0.5),
            [.sample([4, 3]), .sample([5, 4], seed: 2), Tensor(scalar: Float(3))],
            reference: multiplied([3, 5], true, true, beta: 0.5)),
        OperatorSample(
            Gemm(alpha: 2), [.sample([3, 4]), .sample([4, 5], seed: 2), .sample([1, 5], seed: 3)],
            reference: multiplied([3, 5], alpha: 2)),
        OperatorSample(MatMul(), [.sample([3, 4]), .sample([4, 5], seed: 2)], reference: multiplied([3, 5])),
        OperatorSample(MatMul(), [.sample([2, 3, 4]), .sample([4, 5], seed: 2)], reference: multiplied([2, 3, 5])),
        OperatorSample(
            MatMul(), [.sample([2, 1, 3, 4]), .sample([3, 4, 2], seed: 2)], reference: multiplied([2, 3, 3, 2])),
        OperatorSample(MatMul(), [.sample([3, 4]), .sample([2, 4, 5], seed: 2)], reference: multiplied([2, 3, 5])),
        OperatorSample(MatMul(), [.sample([4]), .sample([4, 5], seed: 2)]) { inputs in
            [multiplied([1, 5])([inputs[0].reshaped([1, 4]), inputs[1]])[0].reshaped([5])]
        },
        OperatorSample(MatMul(), [.sample([2, 3, 4]), .sample([4], seed: 2)]) { inputs in
            [multiplied([2, 3, 1])([inputs[0], inputs[1].reshaped([4, 1])])[0].reshaped([2, 3])]
        },
        OperatorSample(MatMul(), [.sample([4]), .sample([2, 4, 3], seed: 2)]) { inputs in
            [multiplied([2, 1, 3])([inputs[0].reshaped([1, 4]), inputs[1]])[0].reshaped([2, 3])]
        },
        OperatorSample(MatMul(), [.sample([4]), .sample([4], seed: 2)]) { inputs in
            [multiplied([1, 1])([inputs[0].reshaped([1, 4]), inputs[1].reshaped([4, 1])])[0].reshaped([])]
        },
        OperatorSample(
            FusedMatMul(MatrixProduct(transposesLeft: true, alpha: 2)), [.sample([2, 4, 3]), .sample([2, 4, 5], seed: 2)],
            reference: multiplied([2, 3, 5], true, false, alpha: 2)),
        OperatorSample(
            FusedGemm(Gemm(transposesRight: true), activation: .leakyRelu(alpha: 0.1)),
            [.sample([3, 4]), .sample([5, 4], seed: 2), .sample([5], seed: 3)]
        ) { inputs in
            let sums = multiplied([3, 5], false, true)(inputs)[0].doubles()
            return [Tensor(sums.map { $0 < 0 ? 0.1 * $0 : $0 }, shape: [3, 5], as: .float32)]
        },
        OperatorSample(
            MatrixProduct(transposesRight: true, alpha: 0.5), [.sample([2, 3, 4]), .sample([5, 4], seed: 2)],
            reference: multiplied([2, 3, 5], false, true, alpha: 0.5)),
        OperatorSample(
            MatrixProduct(activation: .clip(low: 0, high: 3)),
            [.sample([3, 4]), .sample([4, 5], seed: 2), .sample([5], seed: 3), .sample([3, 5], seed: 4)], differentiated: []
        ) { inputs in
            let sum = multiplied([3, 5])(Array(inputs.prefix(3)))[0].doubles()
            return [Tensor(zip(sum, inputs[3].doubles()).map { max(0, min(3, $0 + $1)) }, shape: [3, 5], as: .float32)]
        },
    ]
}
