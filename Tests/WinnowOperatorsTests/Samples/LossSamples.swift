import Foundation
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

extension OperatorSamples {
    private static let scores = Tensor.sample([4, 5])
    private static let labels = Tensor([Int64(0), 4, 2, 2])

    /// Two times of three classes whose paths (1, 1), (0, 1) and (1, 0) spell class 1: probabilities, the part of the paths that have each
    /// class at each time, and the probability of all.
    private static func spellings(_ scores: Tensor) -> (p: [[Double]], shares: [[Double]], total: Double) {
        let p = logarithms(scores.reshaped([2, 3])).map { $0.map { exp($0) } }
        let paths = [(1, 1), (0, 1), (1, 0)].map { ($0, p[0][$0.0] * p[1][$0.1]) }
        let total = paths.reduce(0) { $0 + $1.1 }
        var shares = [[0.0, 0, 0], [0.0, 0, 0]]
        for ((first, second), part) in paths {
            shares[0][first] += part / total
            shares[1][second] += part / total
        }
        return (p, shares, total)
    }

    private static func logarithms(_ scores: Tensor, temperature: Double = 1) -> [[Double]] {
        (0..<scores.shape[0]).map { row in
            let values = scores.rows(row..<(row + 1)).doubles().map { $0 / temperature }
            let sum = log(values.reduce(0) { $0 + exp($1) })
            return values.map { $0 - sum }
        }
    }

    private static func scalar(_ value: Double) -> Tensor { Tensor([value], shape: [], as: .float32) }

    static let loss: [OperatorSample] = [
        OperatorSample(
            SoftmaxCrossEntropyLoss(), [scores.converted(to: .float64), labels], differentiated: [], tolerance: 1e-5
        ) { inputs in
            let rows = logarithms(inputs[0])
            return [scalar(-zip(rows, inputs[1].integers()).reduce(0) { $0 + $1.0[$1.1] } / 4).converted(to: .float64)]
        },
        OperatorSample(NegativeLogLikelihoodLoss(), [scores.converted(to: .float16), labels], differentiated: [], tolerance: 1e-2) { inputs in
            let x = inputs[0].reader()
            let sum = inputs[1].integers().enumerated().reduce(0.0) { $0 + x([$1.offset, $1.element]) }
            return [scalar(-sum / 4).converted(to: .float16)]
        },
        OperatorSample(SoftmaxCrossEntropyLoss(), [scores, labels], differentiated: [0]) { inputs in
            let rows = logarithms(inputs[0])
            return [scalar(-zip(rows, inputs[1].integers()).reduce(0) { $0 + $1.0[$1.1] } / 4)]
        },
        OperatorSample(
            SoftmaxCrossEntropyLoss(CrossEntropyParameters(reduction: .sum, ignoredLabel: 2)),
            [scores, labels, .sample([5], in: 0.5...2)], differentiated: [0]
        ) { inputs in
            let (rows, weights) = (logarithms(inputs[0]), inputs[2].doubles())
            return [scalar(-(weights[0] * rows[0][0] + weights[4] * rows[1][4]))]
        },
        OperatorSample(
            SoftmaxCrossEntropyLoss(CrossEntropyParameters(reduction: .none)), [scores, labels], outputs: 2, differentiated: [0]
        ) { inputs in
            let rows = logarithms(inputs[0])
            let losses = zip(rows, inputs[1].integers()).map { -$0[$1] }
            return [Tensor(losses, shape: [4], as: .float32), Tensor(rows.flatMap { $0 }, shape: [4, 5], as: .float32)]
        },
        OperatorSample(NegativeLogLikelihoodLoss(), [scores, labels], differentiated: [0]) { inputs in
            let x = inputs[0].reader()
            return [scalar(-inputs[1].integers().enumerated().reduce(0) { $0 + x([$1.offset, $1.element]) } / 4)]
        },
        OperatorSample(
            CrossEntropyGradient(CrossEntropyParameters(), normalizes: true), [Tensor(scalar: Float(2)), scores, labels],
            differentiated: []
        ) { inputs in
            let (rows, labels) = (logarithms(inputs[1]), inputs[2].integers())
            return [.computed([4, 5]) { 2 * (exp(rows[$0[0]][$0[1]]) - (labels[$0[0]] == $0[1] ? 1 : 0)) / 4 }]
        },
        OperatorSample(
            KullbackLeiblerDivergence(temperature: 2), [scores, .sample([4, 5], seed: 2)], differentiated: [0]
        ) { inputs in
            let (student, teacher) = (logarithms(inputs[0], temperature: 2), logarithms(inputs[1], temperature: 2))
            let sum = zip(student.joined(), teacher.joined()).reduce(0) { $0 + exp($1.1) * ($1.1 - $1.0) }
            return [scalar(4 * sum / 4)]
        },
        OperatorSample(
            KullbackLeiblerDivergenceGradient(temperature: 2), [Tensor(scalar: Float(1)), scores, .sample([4, 5], seed: 2)],
            differentiated: []
        ) { inputs in
            let (student, teacher) = (logarithms(inputs[1], temperature: 2), logarithms(inputs[2], temperature: 2))
            return [.computed([4, 5]) { 2 * (exp(student[$0[0]][$0[1]]) - exp(teacher[$0[0]][$0[1]])) / 4 }]
        },
        OperatorSample(CTCLoss(), [.sample([1, 2, 3]), Tensor([Int64(1)], shape: [1, 1])], differentiated: [0]) { inputs in
            [scalar(-log(spellings(inputs[0]).total))]
        },
        OperatorSample(
            CTCLossGradient(), [Tensor(scalar: Float(1)), .sample([1, 2, 3]), Tensor([Int64(1)], shape: [1, 1])], differentiated: []
        ) { inputs in
            let (p, shares, _) = spellings(inputs[1])
            return [.computed([1, 2, 3]) { p[$0[1]][$0[2]] - shares[$0[1]][$0[2]] }]
        },
        // Two equal letters have no path of two times.
        OperatorSample(
            CTCLoss(zeroesInfinity: true), [.sample([1, 2, 3]), Tensor([1, 1] as [Int64], shape: [1, 2])], differentiated: [0]
        ) { _ in [scalar(0)] },
        OperatorSample(
            CTCLossGradient(CTCLoss(zeroesInfinity: true)), [Tensor(scalar: Float(1)), .sample([1, 2, 3]), Tensor([1, 1] as [Int64], shape: [1, 2])],
            differentiated: []
        ) { _ in [.computed([1, 2, 3]) { _ in 0 }] },
        OperatorSample(MeanSquaredError(), [scores, .sample([4, 5], seed: 2)]) { inputs in
            [scalar(zip(inputs[0].doubles(), inputs[1].doubles()).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / 20)]
        },
    ]
}
