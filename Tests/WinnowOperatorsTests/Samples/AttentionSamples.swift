import Foundation
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

extension OperatorSamples {
    /// scale · x / √(mean of x² + 0.5) along the last of two axes, and what x and scale are multiplied by.
    private static func simplified(_ input: Tensor, _ scale: Tensor) -> [Tensor] {
        let (x, s, width) = (input.reader(), scale.doubles(), input.shape[1])
        let factors = (0..<input.shape[0]).map { row in
            1 / ((0..<width).reduce(0) { $0 + pow(x([row, $1]), 2) } / Double(width) + 0.5).squareRoot()
        }
        return [
            .computed(input.shape) { s[$0[1]] * x($0) * factors[$0[0]] },
            Tensor(factors, shape: [factors.count, 1], as: .float32),
        ]
    }

    /// softmax(Q·Kᵀ / √size + bias)·V of (N, heads, length, size) by plain loops.
    private static func attended(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, bias: (Int, Int) -> Double = { _, _ in 0 }
    ) -> Tensor {
        let (x, y, z) = (q.reader(), k.reader(), v.reader())
        let (size, keys, share) = (q.shape[3], k.shape[2], q.shape[1] / k.shape[1])
        return .computed([q.shape[0], q.shape[1], q.shape[2], v.shape[3]]) { place in
            let (n, h, i) = (place[0], place[1], place[2])
            let weights = (0..<keys).map { j in
                let score = (0..<size).reduce(0) { $0 + x([n, h, i, $1]) * y([n, h / share, j, $1]) }
                return exp(score / Double(size).squareRoot() + bias(i, j))
            }
            let sum = weights.reduce(0, +)
            return (0..<keys).reduce(0) { $0 + weights[$1] / sum * z([n, h / share, $1, place[3]]) }
        }
    }

    private static let query = Tensor.sample([1, 2, 3, 4], in: -1...1)
    private static let keys = Tensor.sample([1, 2, 5, 4], in: -1...1, seed: 2)
    private static let values = Tensor.sample([1, 2, 5, 3], in: -1...1, seed: 3)

    private static var windowed: Attention {
        var op = Attention()
        (op.leftWindow, op.rightWindow) = (1, 2)
        return op
    }

    /// Q, K and V of each place and head side by side.
    private static let packed = Tensor.sample([1, 3, 3, 2, 4], in: -1...1)
    /// The query in the middle may look nowhere.
    private static let blindMask: [Double] = [0, 1, never, never, never, never, 0, never, 2]
    private static let never = -Double.infinity

    private static var inPlace: ScaledDotProduct {
        ScaledDotProduct(
            scale: 0.5, clearsBlindRows: true,
            views: [
                OperandView([0, 3, 1, 4], fixed: [2: 0]), OperandView([0, 3, 1, 4], fixed: [2: 1]),
                OperandView([0, 3, 1, 4], fixed: [2: 2]),
            ], resultOrder: [0, 2, 1, 3])
    }

    static let attention: [OperatorSample] = [
        OperatorSample(ScaledDotProduct(scale: 0.5), [query, keys, values], version: 1, differentiated: []) { [attended($0[0], $0[1], $0[2])] },
        OperatorSample(
            ScaledDotProduct(scale: 0.5), [query, keys, values, Tensor([Float(1), -1, 0, 2, 0], shape: [5])], version: 1,
            differentiated: []
        ) { inputs in [attended(inputs[0], inputs[1], inputs[2]) { [1, -1, 0, 2, 0][$1] }] },
        OperatorSample(
            inPlace, [packed, packed, packed, Tensor(blindMask, shape: [3, 3], as: .float32)], version: 1, differentiated: []
        ) { inputs in
            let parts = (0..<3).map { part in
                let whole = inputs[0].reader()
                return Tensor.computed([1, 2, 3, 4]) { whole([$0[0], $0[2], part, $0[1], $0[3]]) }
            }
            let result = attended(parts[0], parts[1], parts[2]) { $0 == 1 ? 0 : blindMask[$0 * 3 + $1] }.reader()
            return [.computed([1, 3, 2, 4]) { $0[1] == 1 ? 0 : result([$0[0], $0[2], $0[1], $0[3]]) }]
        },
        OperatorSample(Attention(), [query, keys, values], version: 23) { [attended($0[0], $0[1], $0[2])] },
        OperatorSample(Attention(isCausal: true), [query, keys, values], version: 23) { inputs in
            [attended(inputs[0], inputs[1], inputs[2]) { $1 <= $0 ? 0 : -.infinity }]
        },
        OperatorSample(
            Attention(softcap: 2, scoresMode: 2), [.sample([1, 4, 3, 4], in: -1...1), keys, values, .sample([3, 5], in: -1...1, seed: 4)], outputs: 4,
            version: 23),
        OperatorSample(
            Attention(), [query, keys, values, Tensor([1, 0, 1, 1, 0], shape: [1, 5], as: .bool)], version: 23
        ) { inputs in [attended(inputs[0], inputs[1], inputs[2]) { $1 == 1 || $1 == 4 ? -.infinity : 0 }] },
        OperatorSample(
            Attention(queryHeads: 2, keyHeads: 1), [.sample([1, 3, 8], in: -1...1), .sample([1, 5, 4], in: -1...1, seed: 2), .sample([1, 5, 4], in: -1...1, seed: 3)],
            version: 23
        ) { inputs in
            let q = inputs[0].reshaped([1, 3, 2, 4]).transposed([0, 2, 1, 3])
            let result = attended(q, inputs[1].reshaped([1, 1, 5, 4]), inputs[2].reshaped([1, 1, 5, 4]))
            return [result.transposed([0, 2, 1, 3]).reshaped([1, 3, 8])]
        },
        OperatorSample(
            Attention(isCausal: true), [query, .sample([1, 2, 3, 4], in: -1...1, seed: 2), .sample([1, 2, 3, 3], in: -1...1, seed: 3), nil, .sample([1, 2, 2, 4], in: -1...1, seed: 5), .sample([1, 2, 2, 3], in: -1...1, seed: 6)],
            outputs: 3, version: 23),
        OperatorSample(windowed, [query, keys, values], version: 25) { inputs in
            [attended(inputs[0], inputs[1], inputs[2]) { (-1...2).contains($1 - $0) ? 0 : -.infinity }]
        },
        OperatorSample(
            RotaryEmbedding(), [.sample([1, 2, 3, 4]), .sample([1, 3, 2], seed: 2), .sample([1, 3, 2], seed: 3)], version: 23
        ) { inputs in
            let (x, c, s) = (inputs[0].reader(), inputs[1].reader(), inputs[2].reader())
            return [.computed([1, 2, 3, 4]) { place in
                let (h, t, i) = (place[1], place[2], place[3] % 2)
                let (a, b) = (x([0, h, t, i]), x([0, h, t, i + 2]))
                return place[3] < 2 ? c([0, t, i]) * a - s([0, t, i]) * b : s([0, t, i]) * a + c([0, t, i]) * b
            }]
        },
        OperatorSample(
            RotaryEmbedding(isInterleaved: true, width: 2, heads: 2),
            [.sample([1, 3, 8]), .sample([5, 1], seed: 2), .sample([5, 1], seed: 3), indices(4, 0, 2).reshaped([1, 3])],
            constants: [3], version: 23
        ) { inputs in
            let (x, c, s) = (inputs[0].reader(), inputs[1].doubles(), inputs[2].doubles())
            return [.computed([1, 3, 8]) { place in
                let (t, position) = (place[1], [4, 0, 2][place[1]])
                let head = place[2] / 4 * 4
                let (a, b) = (x([0, t, head]), x([0, t, head + 1]))
                switch place[2] % 4 {
                case 0: return c[position] * a - s[position] * b
                case 1: return s[position] * a + c[position] * b
                default: return x(place)
                }
            }]
        },
        OperatorSample(
            MultiHeadAttention(heads: 2), [.sample([1, 3, 8], in: -1...1), .sample([1, 5, 8], in: -1...1, seed: 2), .sample([1, 5, 8], in: -1...1, seed: 3)],
            version: 1
        ) { inputs in
            let operands = inputs.map { $0.reshaped([1, $0.shape[1], 2, 4]).transposed([0, 2, 1, 3]) }
            return [attended(operands[0], operands[1], operands[2]).transposed([0, 2, 1, 3]).reshaped([1, 3, 8])]
        },
        OperatorSample(
            MultiHeadAttention(heads: 2, scale: 0.3, isCausal: true),
            [
                .sample([1, 3, 8], in: -1...1), keys, values, .sample([8], seed: 4), Tensor([Int32(1), 1, 0, 1, 1, 0, 1], shape: [1, 7]),
                .sample([1, 2, 3, 7], seed: 5), .sample([1, 2, 2, 4], in: -1...1, seed: 6), .sample([1, 2, 2, 3], in: -1...1, seed: 7),
            ], constants: [4], outputs: 4, version: 1),
        OperatorSample(
            ContributedAttention(heads: 2), [.sample([1, 3, 5], in: -1...1), .sample([5, 24], in: -1...1, seed: 2), .sample([24], seed: 3)],
            version: 1
        ) { inputs in
            let (x, w, bias) = (inputs[0].reader(), inputs[1].reader(), inputs[2].doubles())
            let operands = (0..<3).map { part in
                Tensor.computed([1, 2, 3, 4]) { place in
                    let column = part * 8 + place[1] * 4 + place[3]
                    return (0..<5).reduce(bias[column]) { $0 + x([0, place[2], $1]) * w([$1, column]) }
                }
            }
            return [attended(operands[0], operands[1], operands[2]).transposed([0, 2, 1, 3]).reshaped([1, 3, 8])]
        },
        OperatorSample(
            ContributedAttention(heads: 2, widths: [4, 4, 6], scale: 0.7, isCausal: true),
            [
                .sample([2, 3, 5], in: -1...1), .sample([5, 14], in: -1...1, seed: 2), nil, Tensor([Int32(2), 3, 0, 0]), nil,
                .sample([1, 2, 3, 3], seed: 3),
            ], constants: [3], version: 1),
        OperatorSample(
            GroupQueryAttention(heads: 4, keyHeads: 2),
            [
                .sample([1, 3, 8], in: -1...1), .sample([1, 3, 4], in: -1...1, seed: 2), .sample([1, 3, 4], in: -1...1, seed: 3), nil, nil,
                Tensor([Int32(2)]), Tensor(scalar: Int32(3)),
            ], constants: [5, 6], outputs: 3, version: 1
        ) { inputs in
            let operands = zip(inputs, [4, 2, 2]).map { $0.reshaped([1, 3, $1, 2]).transposed([0, 2, 1, 3]) }
            let mixed = attended(operands[0], operands[1], operands[2]) { $1 > $0 ? -.infinity : 0 }
            return [mixed.transposed([0, 2, 1, 3]).reshaped([1, 3, 8]), operands[1], operands[2]]
        },
        OperatorSample(
            GroupQueryAttention(heads: 2, keyHeads: 1, scale: 0.4, softcap: 2, isRotary: true, window: 3),
            [
                .sample([2, 1, 8], in: -1...1), .sample([2, 1, 4], in: -1...1, seed: 2), .sample([2, 1, 4], in: -1...1, seed: 3),
                .sample([2, 1, 5, 4], in: -1...1, seed: 4), .sample([2, 1, 5, 4], in: -1...1, seed: 5), Tensor([Int32(5), 2]),
                Tensor(scalar: Int32(6)), .sample([8, 2], seed: 6), .sample([8, 2], seed: 7), nil, .sample([1, 2, 1, 6], seed: 8),
            ], constants: [5, 6], outputs: 3, version: 1, differentiated: []),
        OperatorSample(Scaler(offset: [1, -2, 0.5], scale: [2]), [.sample([2, 3])], version: 1) { inputs in
            let x = inputs[0].reader()
            return [.computed([2, 3]) { 2 * (x($0) - [1, -2, 0.5][$0[1]]) }]
        },
        OperatorSample(Scaler(scale: [3]), [.counting([2, 3], as: .int64)], version: 1) { inputs in
            [Tensor(inputs[0].doubles().map { 3 * $0 }, shape: [2, 3], as: .float32)]
        },
        OperatorSample(Normalizer(.length), [.sample([2, 3])], version: 1) { inputs in
            let x = inputs[0].reader()
            return [.computed([2, 3]) { place in x(place) / (0..<3).reduce(0) { $0 + pow(x([place[0], $1]), 2) }.squareRoot() }]
        },
        OperatorSample(Normalizer(.magnitudes), [Tensor([Float(1), -3, 0, 0], shape: [2, 2])], version: 1, differentiated: []) { _ in
            [Tensor([Float(0.25), -0.75, 0, 0], shape: [2, 2])]
        },
        OperatorSample(Normalizer(), [Tensor([Float(-1), 4, -2, -8], shape: [2, 2])], version: 1, differentiated: []) { _ in
            [Tensor([Float(-0.25), 1, 1, 4], shape: [2, 2])]
        },
        OperatorSample(
            QAttention(heads: 2),
            [
                .counting([1, 3, 5], as: .uint8), .counting([5, 24], as: .int8, modulus: 127), .sample([24]), Tensor(scalar: Float(0.002)),
                Tensor(scalar: Float(0.003)), nil, Tensor(scalar: UInt8(120)), Tensor(scalar: Int8(3)),
            ], constants: [6, 7], version: 1),
        OperatorSample(ContributedGelu(), [.sample([2, 3])], version: 1) { inputs in
            [Tensor(inputs[0].doubles().map { $0 * 0.5 * (1 + erf($0 / 2.0.squareRoot())) }, shape: [2, 3], as: .float32)]
        },
        OperatorSample(SimplifiedLayerNormalization(epsilon: 0.5), [.sample([2, 3]), .sample([3], seed: 2)], outputs: 2, version: 1) { inputs in
            simplified(inputs[0], inputs[1])
        },
        OperatorSample(
            SkipSimplifiedLayerNormalization(epsilon: 0.5),
            [.sample([2, 3]), .sample([2, 3], seed: 2), .sample([3], seed: 3), .sample([3], seed: 4)], outputs: 4, version: 1
        ) { inputs in
            let (x, skip, bias) = (inputs[0].reader(), inputs[1].reader(), inputs[3].reader())
            let sum = Tensor.computed([2, 3]) { x($0) + skip($0) + bias($0) }
            let results = simplified(sum, inputs[2])
            return [results[0], results[1], results[1], sum]
        },
        OperatorSample(
            ContributedRotaryEmbedding(), [.sample([1, 3, 8]), indices(2), .sample([5, 2], seed: 2), .sample([5, 2], seed: 3)],
            constants: [1], version: 1
        ) { inputs in
            let (x, c, s) = (inputs[0].reader(), inputs[2].reader(), inputs[3].reader())
            return [.computed([1, 3, 8]) { place in
                let (t, head, i) = (place[1], place[2] / 4 * 4, place[2] % 2)
                let (a, b) = (x([0, t, head + i]), x([0, t, head + i + 2]))
                return place[2] % 4 < 2 ? c([t + 2, i]) * a - s([t + 2, i]) * b : s([t + 2, i]) * a + c([t + 2, i]) * b
            }]
        },
        OperatorSample(BiasGelu(), [.sample([2, 3]), .sample([3], seed: 2)], version: 1) { inputs in
            let (x, bias) = (inputs[0].reader(), inputs[1].doubles())
            return [.computed([2, 3]) { place in
                let value = x(place) + bias[place[1]]
                return value / 2 * (1 + erf(value / 2.0.squareRoot()))
            }]
        },
        OperatorSample(FastGelu(), [.sample([2, 3]), .sample([3], seed: 2)], version: 1),
        OperatorSample(QuickGelu(), [.sample([2, 3])], version: 1) { inputs in
            [Tensor(inputs[0].doubles().map { $0 / (1 + exp(-1.702 * $0)) }, shape: [2, 3], as: .float32)]
        },
        OperatorSample(
            SkipLayerNormalization(epsilon: 1e-5),
            [.sample([2, 3, 4]), .sample([2, 3, 4], seed: 2), .sample([4], seed: 3), .sample([4], seed: 4), .sample([4], seed: 5)],
            outputs: 4, version: 1),
        OperatorSample(
            EmbedLayerNormalization(epsilon: 1e-5),
            [
                Tensor([Int32(1), 0, 2, 2], shape: [2, 2]), Tensor([Int32(0), 1, 1, 0], shape: [2, 2]), .sample([3, 4]),
                .sample([5, 4], seed: 2), .sample([2, 4], seed: 3), .sample([4], seed: 4), .sample([4], seed: 5),
                Tensor([Int32(1), 1, 1, 0], shape: [2, 2]),
            ], constants: [0, 1, 7], outputs: 3, version: 1),
    ]
}
