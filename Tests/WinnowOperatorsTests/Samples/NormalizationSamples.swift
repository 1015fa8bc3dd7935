import Foundation
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

extension OperatorSamples {
    static let normalization: [OperatorSample] = batch + softmax + rows

    private static let statistics: [Tensor] = [
        .sample([3], in: 0.5...2, seed: 2), .sample([3], seed: 3), .sample([3], seed: 4), .sample([3], in: 0.5...2, seed: 5),
    ]

    private static let normalized: @Sendable ([Tensor]) -> [Tensor] = { inputs in
        let (x, p) = (inputs[0].reader(), inputs.map { $0.doubles() })
        return [.computed(inputs[0].shape) { index in
            let c = index[1]
            return p[1][c] * (x(index) - p[3][c]) / (p[4][c] + 1e-5).squareRoot() + p[2][c]
        }]
    }

    /// Mean and variance of each channel.
    private static func moments(_ x: Tensor) -> (mean: [Double], variance: [Double]) {
        let channels = x.shape[1]
        let inner = x.elementCount / x.shape[0] / channels
        let values = x.doubles()
        let groups = (0..<channels).map { c in values.enumerated().filter { $0.offset / inner % channels == c }.map(\.element) }
        let mean = groups.map { $0.reduce(0, +) / Double($0.count) }
        let variance = zip(groups, mean).map { group, m in group.reduce(0) { $0 + ($1 - m) * ($1 - m) } / Double(group.count) }
        return (mean, variance)
    }

    /// The batch's 16 elements of a channel.
    private static func trained(isUnbiased: Bool) -> OperatorSample {
        OperatorSample(
            BatchNormalizationTraining(momentum: 0.75, isUnbiased: isUnbiased), [.sample([2, 3, 2, 4])] + statistics, outputs: 5,
            differentiated: [0, 1, 2]
        ) { inputs in
            let (mean, variance) = moments(inputs[0])
            let vectors = [mean, variance].map { Tensor($0, shape: [3], as: .float32) }
            let followed = [mean, variance.map { isUnbiased ? $0 * 16 / 15 : $0 }]
            let running = zip(inputs[3...4], followed).map { old, batch in
                Tensor(zip(old.doubles(), batch).map { 0.75 * $0 + 0.25 * $1 }, shape: [3], as: .float32)
            }
            return normalized(Array(inputs.prefix(3)) + vectors) + running + vectors
        }
    }

    private static let batch: [OperatorSample] = [
        OperatorSample(BatchNormalization(), [.sample([2, 3, 2, 4])] + statistics, differentiated: [0, 1, 2], reference: normalized),
        OperatorSample(BatchNormalization(), [.sample([4, 3])] + statistics, differentiated: [0, 1, 2], reference: normalized),
        trained(isUnbiased: true), trained(isUnbiased: false),
        OperatorSample(
            BatchNormalizationTraining(momentum: 0.75), [.sample([2, 3, 2, 4])] + statistics + [Tensor(scalar: Float(1))], outputs: 5,
            differentiated: [0, 1, 2]
        ) { inputs in normalized(Array(inputs.prefix(5))) + [3, 4, 3, 4].map { inputs[$0] } },
        OperatorSample(
            FreezableBatchNormalization(BatchNormalization()), [.sample([2, 3, 2, 4])] + statistics + [Tensor(scalar: Float(0))],
            differentiated: [0, 1, 2]
        ) { inputs in normalized(Array(inputs.prefix(5))) },
        OperatorSample(
            BatchNormalizationGradient(),
            [.sample([2, 3, 2, 4]), .sample([2, 3, 2, 4], seed: 2)] + [statistics[0], statistics[2], statistics[3]], outputs: 3,
            differentiated: []),
    ]

    /// Softmax of rows (outer, extent, inner).
    private static func softmaxed(_ outer: Int, _ extent: Int, _ inner: Int, logarithm: Bool = false)
        -> @Sendable ([Tensor]) -> [Tensor]
    {
        { inputs in
            let x = inputs[0].reshaped([outer, extent, inner]).reader()
            let result = Tensor.computed([outer, extent, inner]) { index in
                let sum = (0..<extent).reduce(0) { $0 + exp(x([index[0], $1, index[2]])) }
                return logarithm ? x(index) - log(sum) : exp(x(index)) / sum
            }
            return [result.reshaped(inputs[0].shape)]
        }
    }

    private static let softmax: [OperatorSample] = [
        OperatorSample(Softmax(), [.sample([3, 5])], reference: softmaxed(3, 5, 1)),
        OperatorSample(Softmax(axis: 1), [.sample([2, 3, 4])], reference: softmaxed(2, 3, 4)),
        OperatorSample(Softmax(axis: 1, flattens: true), [.sample([2, 3, 4])], version: 11, reference: softmaxed(2, 12, 1)),
        OperatorSample(LogSoftmax(), [.sample([3, 5])], reference: softmaxed(3, 5, 1, logarithm: true)),
        OperatorSample(LogSoftmax(axis: -2), [.sample([2, 3, 4])], reference: softmaxed(2, 3, 4, logarithm: true)),
        OperatorSample(
            SoftmaxGradient(), [.sample([3, 21]), .sample([3, 21], seed: 2)], differentiated: []
        ) { inputs in
            let (g, y) = (inputs[0].reader(), inputs[1].reader())
            return [.computed([3, 21]) { index in
                let sum = (0..<21).reduce(0) { $0 + g([index[0], $1]) * y([index[0], $1]) }
                return y(index) * (g(index) - sum)
            }]
        },
        OperatorSample(
            SoftmaxGradient(axis: 1), [.sample([2, 3, 4]), .sample([2, 3, 4], seed: 2)], differentiated: []
        ) { inputs in
            let (g, y) = (inputs[0].reader(), inputs[1].reader())
            return [.computed([2, 3, 4]) { index in
                let sum = (0..<3).reduce(0) { $0 + g([index[0], $1, index[2]]) * y([index[0], $1, index[2]]) }
                return y(index) * (g(index) - sum)
            }]
        },
    ]

    /// Each run of `count` neighbouring elements by its own moments.
    private static func standardized(_ x: Tensor, count: Int) -> [Double] {
        let values = x.doubles()
        return values.indices.map { index in
            let run = values[(index / count * count)..<(index / count * count + count)]
            let mean = run.reduce(0, +) / Double(count)
            let variance = run.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
            return (values[index] - mean) / (variance + 1e-5).squareRoot()
        }
    }

    /// (2, 4, 3, 2) by groups of channels, scaled through `parameter` of the channel.
    private static func grouped(_ groups: Int, parameter: @escaping @Sendable (Int) -> Int) -> @Sendable ([Tensor]) -> [Tensor] {
        { inputs in
            let normalized = Tensor(standardized(inputs[0], count: 24 / groups), shape: inputs[0].shape, as: .float32).reader()
            let (scale, shift) = (inputs[1].doubles(), inputs[2].doubles())
            return [.computed(inputs[0].shape) { scale[parameter($0[1])] * normalized($0) + shift[parameter($0[1])] }]
        }
    }

    private static func normed(_ power: Double) -> @Sendable ([Tensor]) -> [Tensor] {
        { inputs in
            let x = inputs[0].reader()
            return [.computed(inputs[0].shape) { index in
                let sum = (0..<3).reduce(0) { $0 + pow(abs(x([index[0], $1, index[2]])), power) }
                return x(index) / pow(sum, 1 / power)
            }]
        }
    }

    private static let rows: [OperatorSample] = [
        OperatorSample(LayerNormalization(), [.sample([2, 3, 8]), .sample([8], seed: 2), .sample([8], seed: 3)]) { inputs in
            let normalized = Tensor(standardized(inputs[0], count: 8), shape: [2, 3, 8], as: .float32).reader()
            let (scale, shift) = (inputs[1].reader(), inputs[2].reader())
            return [.computed([2, 3, 8]) { normalized($0) * scale($0) + shift($0) }]
        },
        OperatorSample(LayerNormalization(axis: 1), [.sample([3, 2, 4]), .sample([2, 4], seed: 2)], outputs: 3) { inputs in
            let normalized = Tensor(standardized(inputs[0], count: 8), shape: [3, 2, 4], as: .float32).reader()
            let scale = inputs[1].reader()
            let means = (0..<3).map { inputs[0].rows($0..<($0 + 1)).doubles().reduce(0, +) / 8 }
            return [.computed([3, 2, 4]) { normalized($0) * scale($0) }, Tensor(means, shape: [3, 1, 1], as: .float32)]
        },
        OperatorSample(
            LayerNormalizationGradient(),
            [.sample([2, 3, 8]), .sample([2, 3, 8], seed: 2), .sample([8], seed: 3)], outputs: 3, differentiated: []
        ) { inputs in
            let normalized = standardized(inputs[0], count: 8)
            let (g, scale) = (inputs[1].doubles(), inputs[2].doubles())
            func sum(_ values: (Int) -> Double) -> Tensor {
                Tensor((0..<8).map { column in stride(from: column, to: 48, by: 8).reduce(0) { $0 + values($1) } }, shape: [8], as: .float32)
            }
            let x = inputs[0].doubles()
            let dx = (0..<48).map { index -> Double in
                let run = (index / 8 * 8)..<(index / 8 * 8 + 8)
                func mean(_ value: (Int) -> Double) -> Double { run.reduce(0) { $0 + value($1) } / 8 }
                let center = mean { x[$0] }
                let factor = 1 / (mean { (x[$0] - center) * (x[$0] - center) } + 1e-5).squareRoot()
                return factor * (g[index] * scale[index % 8] - mean { g[$0] * scale[$0 % 8] }
                    - normalized[index] * mean { g[$0] * scale[$0 % 8] * normalized[$0] })
            }
            return [Tensor(dx, shape: [2, 3, 8], as: .float32), sum { g[$0] * normalized[$0] }, sum { g[$0] }]
        },
        OperatorSample(
            InstanceNormalization(), [.sample([2, 4, 3, 2]), .sample([4], seed: 2), .sample([4], seed: 3)],
            reference: grouped(4) { $0 }),
        OperatorSample(
            GroupNormalization(groupCount: 2), [.sample([2, 4, 3, 2]), .sample([4], seed: 2), .sample([4], seed: 3)],
            reference: grouped(2) { $0 }),
        OperatorSample(
            GroupNormalization(groupCount: 2, scalesChannels: false),
            [.sample([2, 4, 3, 2]), .sample([2], seed: 2), .sample([2], seed: 3)], version: 18, reference: grouped(2) { $0 / 2 }),
        OperatorSample(LpNormalization(axis: 1), [.sample([2, 3, 4])], reference: normed(2)),
        OperatorSample(LpNormalization(axis: -2, power: 1), [.sample([2, 3, 4])], reference: normed(1)),
    ]
}
