import Foundation
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

extension OperatorSamples {
    static let normalization: [OperatorSample] = batch + softmax

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

    private static let batch: [OperatorSample] = [
        OperatorSample(BatchNormalization(), [.sample([2, 3, 2, 4])] + statistics, differentiated: [0, 1, 2], reference: normalized),
        OperatorSample(BatchNormalization(), [.sample([4, 3])] + statistics, differentiated: [0, 1, 2], reference: normalized),
        OperatorSample(
            BatchNormalizationTraining(momentum: 0.75), [.sample([2, 3, 2, 4])] + statistics, outputs: 5,
            differentiated: [0, 1, 2]
        ) { inputs in
            let (mean, variance) = moments(inputs[0])
            let vectors = [mean, variance].map { Tensor($0, shape: [3], as: .float32) }
            let running = zip(inputs[3...4], [mean, variance]).map { old, batch in
                Tensor(zip(old.doubles(), batch).map { 0.75 * $0 + 0.25 * $1 }, shape: [3], as: .float32)
            }
            return normalized(Array(inputs.prefix(3)) + vectors) + running + vectors
        },
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
            SoftmaxGradient(axis: 1), [.sample([2, 3, 4]), .sample([2, 3, 4], seed: 2)], differentiated: []
        ) { inputs in
            let (g, y) = (inputs[0].reader(), inputs[1].reader())
            return [.computed([2, 3, 4]) { index in
                let sum = (0..<3).reduce(0) { $0 + g([index[0], $1, index[2]]) * y([index[0], $1, index[2]]) }
                return y(index) * (g(index) - sum)
            }]
        },
    ]
}
