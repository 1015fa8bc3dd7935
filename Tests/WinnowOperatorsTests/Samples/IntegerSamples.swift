import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

extension OperatorSamples {
    private static let codes = Tensor.counting([2, 4, 3], as: .uint8)
    private static let blockScales = Tensor.sample([2, 2, 3], in: 0.1...1)

    private static let edges = QuantizedEdges(
        source: .constant(AffineEncoding(.uint8, scale: 0.02, zeroPoint: 3)), target: AffineEncoding(.int8, scale: 3, zeroPoint: -7),
        activation: .relu)
    private static let filterScales: [Float] = [0.01, 0.02, 0.03]
    private static let bias: [Float] = [1, -2, 3]

    private static func filter(_ shape: Shape) -> Tensor {
        Tensor(Tensor.counting(shape).doubles().map { $0 - 120 }, shape: shape, as: .int8)
    }

    /// The code of a real result under `edges`.
    private static func code(_ sum: Double, channel: Int) -> Double {
        let real = max(0, sum * 0.02 * Double(filterScales[channel]) + Double(bias[channel]))
        return min(127, max(-128, (real / 3).rounded(.toNearestOrEven) - 7))
    }

    static let integer: [OperatorSample] = [
        OperatorSample(
            QuantizedConvolution(convolution: Conv(stride: 1, padding: 1), edges: edges),
            [.counting([2, 4, 5, 5], as: .uint8), filter([3, 4, 3, 3]), Tensor(filterScales), nil, Tensor(bias)],
            constants: [1, 2, 4], differentiated: [], tolerance: 0.01
        ) { inputs in
            let (x, w) = (inputs[0].reader(), inputs[1].reader())
            return [.computed([2, 3, 5, 5], as: .int8) { index in
                var sum = 0.0
                for c in 0..<4 {
                    for i in 0..<3 {
                        for j in 0..<3 {
                            let (row, column) = (index[2] + i - 1, index[3] + j - 1)
                            guard (0..<5).contains(row), (0..<5).contains(column) else { continue }
                            sum += (x([index[0], c, row, column]) - 3) * w([index[1], c, i, j])
                        }
                    }
                }
                return code(sum, channel: index[1])
            }]
        },
        OperatorSample(
            QuantizedMatMul(transposesRight: true, edges: edges),
            [.counting([5, 12], as: .uint8), filter([3, 12]), Tensor(filterScales), nil, Tensor(bias)],
            constants: [1, 2, 4], differentiated: [], tolerance: 0.01
        ) { inputs in
            let (x, w) = (inputs[0].reader(), inputs[1].reader())
            return [.computed([5, 3], as: .int8) { index in
                code((0..<12).reduce(0) { $0 + (x([index[0], $1]) - 3) * w([index[1], $1]) }, channel: index[1])
            }]
        },
        OperatorSample(
            CodedMatMul(CodedMatrix(columns: 3, depth: 32, bits: 4, blockSize: 32), activation: .relu),
            [.sample([5, 32]), .counting([256], as: .uint8), .sample([16], in: 0.1...1), nil, nil, .sample([3])],
            constants: [1, 2], differentiated: [], tolerance: 1e-4
        ) { inputs in
            let (x, codes, scales, bias) = (inputs[0].reader(), inputs[1].codes(), inputs[2].reader(), inputs[3].reader())
            return [.computed([5, 3]) { index in
                max(0, (0..<32).reduce(bias([index[1]])) { sum, k in
                    let byte = codes[k / 8 * 64 + index[1] * 4 + k % 4]
                    let code = k % 8 < 4 ? byte & 15 : byte >> 4
                    return sum + x([index[0], k]) * (Double(code) - 8) * scales([index[1]])
                })
            }]
        },
        OperatorSample(
            CodeTable(), [codes, Tensor((0...255).map { UInt8(255 - $0) })], differentiated: []
        ) { inputs in
            [Tensor(inputs[0].doubles().map { 255 - $0 }, shape: [2, 4, 3], as: .uint8)]
        },
        OperatorSample(
            DequantizeLinear(axis: 0), [Tensor([Int32(-100_000), 7]), Tensor([Float(0.5), 2])], differentiated: []
        ) { _ in [Tensor([Float(-50_000), 14])] },
        OperatorSample(DequantizeLinear(axis: 1, blockSize: 2), [codes, blockScales], differentiated: []) { inputs in
            let (x, scale) = (inputs[0].reader(), inputs[1].reader())
            return [.computed([2, 4, 3]) { x($0) * scale([$0[0], $0[1] / 2, $0[2]]) }]
        },
        OperatorSample(
            FakeQuantizeGradient(FakeQuantize(range: -8...7, axis: 1)),
            [.sample([2, 4, 3], seed: 4), .sample([2, 4, 3]), Tensor([Float(0.1), 0.2, 0.05, 0.4]), Tensor([Int8(0), 3, -5, 1])],
            constants: [3], outputs: 2, differentiated: []),
    ]
}
