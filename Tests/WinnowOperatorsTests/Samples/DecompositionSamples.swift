import Foundation
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

extension OperatorSamples {
    static let decompositions: [OperatorSample] = masks + pools + moved + casts

    private static let square = Tensor.sample([2, 3, 4])

    private static let masks: [OperatorSample] = [
        OperatorSample(Trilu(), [square]) { inputs in
            let x = inputs[0].reader()
            return [.computed([2, 3, 4]) { $0[2] >= $0[1] ? x($0) : 0 }]
        },
        OperatorSample(Trilu(keepsUpper: false), [square, Tensor(scalar: Int64(-1))], constants: [1]) { inputs in
            let x = inputs[0].reader()
            return [.computed([2, 3, 4]) { $0[2] <= $0[1] - 1 ? x($0) : 0 }]
        },
        OperatorSample(EyeLike(diagonal: 1), [.sample([3, 4])], differentiated: []) { _ in
            [.computed([3, 4]) { $0[1] - $0[0] == 1 ? 1 : 0 }]
        },
        OperatorSample(EyeLike(target: .int64), [.sample([2, 2])], differentiated: []) { _ in
            [Tensor([Int64(1), 0, 0, 1], shape: [2, 2])]
        },
        OperatorSample(Hardmax(axis: 1), [square], differentiated: []) { inputs in
            let x = inputs[0].reader()
            return [.computed([2, 3, 4]) { place in
                (0..<3).allSatisfy { x(place) >= x([place[0], $0, place[2]]) } ? 1 : 0
            }]
        },
        OperatorSample(Hardmax(axis: 1, flattens: true), [square], version: 11, differentiated: []) { inputs in
            let x = inputs[0].reader()
            return [.computed([2, 3, 4]) { place in
                (0..<12).allSatisfy { x(place) >= x([place[0], $0 / 4, $0 % 4]) } ? 1 : 0
            }]
        },
    ]

    /// The root of Σ |x|ᵖ over windows of `size` that slide by 1 over the rows of (1, 2, 5).
    private static func powers(_ size: Int, _ power: Double) -> @Sendable ([Tensor]) -> [Tensor] {
        { inputs in
            let x = inputs[0].reader()
            return [.computed([1, 2, 6 - size]) { place in
                pow((0..<size).reduce(0) { $0 + pow(abs(x([0, place[1], place[2] + $1])), power) }, 1 / power)
            }]
        }
    }

    private static let pools: [OperatorSample] = [
        OperatorSample(LRN(size: 3, alpha: 0.5, beta: 0.75, bias: 2), [.sample([2, 4, 2, 3])]) { inputs in
            let x = inputs[0].reader()
            return [.computed([2, 4, 2, 3]) { place in
                let sum = (max(place[1] - 1, 0)...min(place[1] + 1, 3)).reduce(0) { $0 + pow(x([place[0], $1, place[2], place[3]]), 2) }
                return x(place) / pow(2 + 0.5 / 3 * sum, 0.75)
            }]
        },
        OperatorSample(LpPool(window: Window(extents: [2])), [.sample([1, 2, 5])], reference: powers(2, 2)),
        OperatorSample(LpPool(window: Window(extents: [3]), power: 3), [.sample([1, 2, 5])], reference: powers(3, 3)),
        OperatorSample(
            LpPool(window: Window(extents: [2], strides: [2]), power: 1, roundsUp: true), [.sample([1, 2, 5])]
        ) { inputs in
            let x = inputs[0].reader()
            return [.computed([1, 2, 3]) { place in
                (2 * place[2]..<min(2 * place[2] + 2, 5)).reduce(0) { $0 + abs(x([0, place[1], $1])) }
            }]
        },
        OperatorSample(GlobalLpPool(), [.sample([2, 3, 2, 2])]) { inputs in
            let x = inputs[0].reader()
            return [.computed([2, 3, 1, 1]) { place in
                (0..<4).reduce(0) { $0 + pow(x([place[0], place[1], $1 / 2, $1 % 2]), 2) }.squareRoot()
            }]
        },
        OperatorSample(MeanVarianceNormalization(), [.sample([2, 3, 2, 2])], tolerance: 1e-4) { inputs in
            let x = inputs[0].reader()
            return [.computed([2, 3, 2, 2]) { place in
                let values = (0..<8).map { x([$0 / 4, place[1], $0 / 2 % 2, $0 % 2]) }
                let mean = values.reduce(0, +) / 8
                return (x(place) - mean) / (values.reduce(0) { $0 + pow($1 - mean, 2) } / 8).squareRoot()
            }]
        },
        OperatorSample(
            MaxUnpool(window: Window(extents: [2], strides: [2])),
            [.sample([1, 1, 2]), indices(1, 2).reshaped([1, 1, 2]), indices(1, 1, 6)], constants: [1, 2]
        ) { inputs in
            let x = inputs[0].doubles()
            return [Tensor([0, x[0], x[1], 0, 0, 0], shape: [1, 1, 6], as: .float32)]
        },
    ]

    private static let moved: [OperatorSample] = [
        OperatorSample(ReverseSequence(), [.sample([4, 3]), indices(2, 4, 1)], constants: [1]) { inputs in
            let x = inputs[0].reader()
            let lengths = [2, 4, 1]
            return [.computed([4, 3]) { $0[0] < lengths[$0[1]] ? x([lengths[$0[1]] - 1 - $0[0], $0[1]]) : x($0) }]
        },
        OperatorSample(ReverseSequence(batchAxis: 0, timeAxis: 1), [square, indices(3, 2)]) { inputs in
            let x = inputs[0].reader()
            return [.computed([2, 3, 4]) { $0[1] < 3 - $0[0] ? x([$0[0], 2 - $0[0] - $0[1], $0[2]]) : x($0) }]
        },
        OperatorSample(Compress(axis: 1), [square, Tensor([0, 1, 1], shape: [3], as: .bool)], constants: [1]) { inputs in
            let x = inputs[0].reader()
            return [.computed([2, 2, 4]) { x([$0[0], $0[1] + 1, $0[2]]) }]
        },
        OperatorSample(Compress(), [.sample([2, 2]), Tensor([0, 1, 0, 1], shape: [4], as: .bool)], constants: [1]) { inputs in
            let x = inputs[0].reader()
            return [.computed([2]) { x([$0[0], 1]) }]
        },
        OperatorSample(Scatter(axis: 1), [.sample([1, 4]), indices(2, 0).reshaped([1, 2]), .sample([1, 2], seed: 2)], constants: [1], version: 9) { inputs in
            let (x, u) = (inputs[0].doubles(), inputs[2].doubles())
            return [Tensor([u[1], x[1], u[0], x[3]], shape: [1, 4], as: .float32)]
        },
        OperatorSample(Unique(), [indices(2, 1, 1, 3, 2)], constants: [0], outputs: 4) { _ in
            [indices(1, 2, 3), indices(1, 0, 3), indices(1, 0, 0, 2, 1), indices(2, 2, 1)]
        },
        OperatorSample(Unique(axis: 0, isSorted: false), [indices(4, 1, 0, 1, 4, 1).reshaped([3, 2])], constants: [0], outputs: 4) { _ in
            [indices(4, 1, 0, 1).reshaped([2, 2]), indices(0, 1), indices(0, 1, 0), indices(2, 1)]
        },
    ]

    private static let words = Tensor([1, 6, 12, 255], shape: [4], as: .uint8)

    private static func bitwise(_ join: @escaping @Sendable (Int, Int) -> Int) -> @Sendable ([Tensor]) -> [Tensor] {
        { inputs in
            let pairs = zip(inputs[0].integers(), inputs[1].integers())
            return [Tensor(pairs.map { Double(join($0, $1) & 255) }, shape: [4], as: .uint8)]
        }
    }

    private static let casts: [OperatorSample] = [
        OperatorSample(CastLike(), [.sample([2, 2]), indices(1)]) { inputs in
            [Tensor(inputs[0].doubles().map { $0.rounded(.towardZero) }, shape: [2, 2], as: .int64)]
        }.undifferentiated,
        OperatorSample(BitShift(isLeft: true), [words, Tensor([1, 2, 3, 4], shape: [4], as: .uint8)], reference: bitwise { $0 << $1 }),
        OperatorSample(BitShift(isLeft: false), [words, Tensor([1, 2, 3, 4], shape: [4], as: .uint8)], reference: bitwise { $0 >> $1 }),
        OperatorSample(
            BitShift(isLeft: false), [Tensor([Int32(-8), 8, -8]), Tensor([Int32(1), -1, -1])], version: 28
        ) { _ in [Tensor([Int32(-4), 0, -1])] },
        OperatorSample(
            SpaceToDepth(blockSize: 2, channelFirst: true), [.sample([1, 2, 2, 4])], version: 28
        ) { inputs in
            let x = inputs[0].reader()
            return [.computed([1, 8, 1, 2]) { x([0, $0[1] / 4, $0[1] / 2 % 2, 2 * $0[3] + $0[1] % 2]) }]
        },
        OperatorSample(BitwiseAnd(), [words, Tensor([3], shape: [1], as: .uint8)]),
        OperatorSample(BitwiseAnd(), [words, words], reference: bitwise { $0 & $1 }),
        OperatorSample(BitwiseOr(), [words, Tensor([3, 9, 1, 0], shape: [4], as: .uint8)], reference: bitwise { $0 | $1 }),
        OperatorSample(BitwiseXor(), [words, Tensor([3, 9, 1, 255], shape: [4], as: .uint8)], reference: bitwise { $0 ^ $1 }),
        OperatorSample(BitwiseNot(), [words]) { inputs in
            [Tensor(inputs[0].integers().map { Double(255 - $0) }, shape: [4], as: .uint8)]
        },
        OperatorSample(
            IsInf(detectsNegative: false), [Tensor([Float.infinity, -.infinity, 1, .nan])], differentiated: []
        ) { _ in [Tensor([1, 0, 0, 0], shape: [4], as: .bool)] },
        OperatorSample(Shrink(bias: 0.5, lambd: 1), [Tensor([-4, -3, -2, -1, 0, 1, 2, 3, 4] as [Int32])], differentiated: []) { _ in
            [Tensor([-3, -2, -1, 0, 0, 0, 1, 2, 3], shape: [9], as: .int32)]
        },
        OperatorSample(Shrink(bias: 0.25, lambd: 0.75), [.sample([3, 4])]) { inputs in
            [Tensor(inputs[0].doubles().map { $0 < -0.75 ? $0 + 0.25 : $0 > 0.75 ? $0 - 0.25 : 0 }, shape: [3, 4], as: .float32)]
        },
        OperatorSample(Swish(alpha: 1.5), [.sample([3, 4])], version: 24) { inputs in
            [Tensor(inputs[0].doubles().map { $0 / (1 + exp(-1.5 * $0)) }, shape: [3, 4], as: .float32)]
        },
    ]
}

extension OperatorSample {
    fileprivate var undifferentiated: OperatorSample {
        var sample = self
        sample.differentiated = []
        return sample
    }
}
