import Foundation
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

extension OperatorSamples {
    static let recurrent: [OperatorSample] = simple + gated + memories

    private static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

    /// What the states give through a row of gates: Σ w·x + Σ r·h + biases.
    private struct Gates {
        let inputs: [Tensor]
        let hidden: Int
        let count: Int

        func callAsFunction(_ gate: Int, _ unit: Int, x: [Double], h: [Double]) -> Double {
            let row = gate * hidden + unit
            let (w, r, b) = (inputs[1].doubles(), inputs[2].doubles(), inputs.count > 3 ? inputs[3].doubles() : [])
            let recurrent = h.indices.reduce(0) { $0 + r[row * hidden + $1] * h[$1] }
            let bias = b.isEmpty ? 0 : b[row] + b[count * hidden + row]
            return x.indices.reduce(0) { $0 + w[row * x.count + $1] * x[$1] } + recurrent + bias
        }
    }

    /// Runs a step for each time and batch entry; gives (T, 1, B, H) and the final states.
    private static func unrolled(
        _ inputs: [Tensor], hidden: Int, states: Int, reverse: Bool = false,
        _ step: ([Double], [[Double]]) -> [[Double]]
    ) -> [Tensor] {
        let shape = inputs[0].shape
        let values = inputs[0].doubles()
        var all = [Double](repeating: 0, count: shape[0] * shape[1] * hidden)
        var finals = [[Double]](repeating: [], count: states)
        for batch in 0..<shape[1] {
            var state = [[Double]](repeating: [Double](repeating: 0, count: hidden), count: states)
            for time in reverse ? Array((0..<shape[0]).reversed()) : Array(0..<shape[0]) {
                let start = (time * shape[1] + batch) * shape[2]
                state = step(Array(values[start..<(start + shape[2])]), state)
                for unit in 0..<hidden { all[(time * shape[1] + batch) * hidden + unit] = state[0][unit] }
            }
            for index in 0..<states { finals[index] += state[index] }
        }
        return [Tensor(all, shape: [shape[0], 1, shape[1], hidden], as: .float32)]
            + finals.map { Tensor($0, shape: [1, shape[1], hidden], as: .float32) }
    }

    private static func weights(_ gates: Int, directions: Int = 1) -> [Tensor] {
        [
            .sample([3, 2, 2]), .sample([directions, gates * 3, 2], in: -1...1, seed: 2),
            .sample([directions, gates * 3, 3], in: -1...1, seed: 3), .sample([directions, gates * 6], in: -1...1, seed: 4),
        ]
    }

    private static let simple: [OperatorSample] = [
        OperatorSample(RNN(RecurrentParameters(hiddenSize: 3)), weights(1), outputs: 2) { inputs in
            let gates = Gates(inputs: inputs, hidden: 3, count: 1)
            return unrolled(inputs, hidden: 3, states: 1) { x, states in
                [(0..<3).map { tanh(gates(0, $0, x: x, h: states[0])) }]
            }
        },
        OperatorSample(RNN(RecurrentParameters(hiddenSize: 3, direction: .reverse, activations: ["Relu"])), weights(1), outputs: 2, differentiated: []) { inputs in
            let gates = Gates(inputs: inputs, hidden: 3, count: 1)
            return unrolled(inputs, hidden: 3, states: 1, reverse: true) { x, states in
                [(0..<3).map { max(0, gates(0, $0, x: x, h: states[0])) }]
            }
        },
        OperatorSample(
            RNN(RecurrentParameters(hiddenSize: 3, direction: .bidirectional)),
            weights(1, directions: 2) + [Tensor([Int32(3), 1]), .sample([2, 2, 3], seed: 9)], constants: [4], outputs: 2),
        OperatorSample(RNN(RecurrentParameters(hiddenSize: 3, isBatchFirst: true)), weights(1), outputs: 2, gradientOutput: 1),
    ]

    /// (batch, steps, …) of a sample whose time comes first, and its states.
    private static func batchFirst(_ inputs: [Tensor?]) -> [Tensor?] {
        inputs.enumerated().map { index, tensor in [0, 5, 6].contains(index) ? tensor?.transposed([1, 0, 2]) : tensor }
    }

    private static let gated: [OperatorSample] = [
        OperatorSample(GRU(RecurrentParameters(hiddenSize: 3)), weights(3), outputs: 2) { inputs in
            let gates = Gates(inputs: inputs, hidden: 3, count: 3)
            return unrolled(inputs, hidden: 3, states: 1) { x, states in
                let h = states[0]
                let reset = (0..<3).map { sigmoid(gates(1, $0, x: x, h: h)) * h[$0] }
                return [(0..<3).map { unit in
                    let z = sigmoid(gates(0, unit, x: x, h: h))
                    return (1 - z) * tanh(gates(2, unit, x: x, h: reset)) + z * h[unit]
                }]
            }
        },
        OperatorSample(GRU(RecurrentParameters(hiddenSize: 3), resetsAfterProduct: true), weights(3), outputs: 2),
        OperatorSample(GRU(RecurrentParameters(hiddenSize: 3, direction: .bidirectional)), weights(3, directions: 2), outputs: 2),
    ]

    private static func lstm(
        _ gates: Gates, _ x: [Double], _ states: [[Double]], candidate: (Double) -> Double = tanh, shown: (Double) -> Double = tanh
    ) -> [[Double]] {
        let cells = (0..<3).map { unit in
            sigmoid(gates(2, unit, x: x, h: states[0])) * states[1][unit]
                + sigmoid(gates(0, unit, x: x, h: states[0])) * candidate(gates(3, unit, x: x, h: states[0]))
        }
        return [(0..<3).map { sigmoid(gates(1, $0, x: x, h: states[0])) * shown(cells[$0]) }, cells]
    }

    private static let memories: [OperatorSample] = [
        OperatorSample(LSTM(RecurrentParameters(hiddenSize: 3)), weights(4), outputs: 3) { inputs in
            let gates = Gates(inputs: inputs, hidden: 3, count: 4)
            return unrolled(inputs, hidden: 3, states: 2) { x, states in lstm(gates, x, states) }
        },
        OperatorSample(
            LSTM(
                RecurrentParameters(
                    hiddenSize: 3, activations: ["Sigmoid", "ScaledTanh", "Affine"], alphas: [0.7, 0.6], betas: [0.4, 0.1])),
            weights(4), outputs: 3
        ) { inputs in
            let gates = Gates(inputs: inputs, hidden: 3, count: 4)
            return unrolled(inputs, hidden: 3, states: 2) { x, states in
                lstm(gates, x, states, candidate: { 0.7 * tanh(0.4 * $0) }, shown: { 0.6 * $0 + 0.1 })
            }
        },
        OperatorSample(
            LSTM(RecurrentParameters(hiddenSize: 3, direction: .bidirectional), couplesForget: true),
            weights(4, directions: 2) + [nil, .sample([2, 2, 3], seed: 5), .sample([2, 2, 3], seed: 6), .sample([2, 9], seed: 7)],
            outputs: 3, gradientOutput: 2),
        OperatorSample(
            LSTM(RecurrentParameters(hiddenSize: 3, isBatchFirst: true)), batchFirst(weights(4)), outputs: 3
        ) { inputs in
            let timeFirst = [inputs[0].transposed([1, 0, 2])] + inputs.dropFirst()
            let gates = Gates(inputs: timeFirst, hidden: 3, count: 4)
            let results = unrolled(timeFirst, hidden: 3, states: 2) { x, states in lstm(gates, x, states) }
            return [results[0].transposed([2, 0, 1, 3])] + results.dropFirst().map { $0.transposed([1, 0, 2]) }
        },
        OperatorSample(
            LSTM(RecurrentParameters(hiddenSize: 3, direction: .bidirectional, isBatchFirst: true)),
            batchFirst(
                weights(4, directions: 2) + [nil, .sample([2, 2, 3], seed: 5), .sample([2, 2, 3], seed: 6)]), outputs: 3, gradientOutput: 1),
        OperatorSample(
            DynamicQuantizeLSTM(LSTM(RecurrentParameters(hiddenSize: 3))),
            [
                .sample([3, 2, 2]), .counting([1, 2, 12], as: .uint8), .counting([1, 3, 12], as: .uint8, from: 5),
                .sample([1, 24], in: -1...1, seed: 4), nil, nil, nil, nil, Tensor([Float(0.01)]),
                Tensor([128], shape: [1], as: .uint8), Tensor([Float(0.01)]), Tensor([128], shape: [1], as: .uint8),
            ], outputs: 3, version: 1, differentiated: [], tolerance: 0.03
        ) { inputs in
            func real(_ codes: Tensor) -> Tensor {
                let values = codes.doubles().map { ($0 - 128) * 0.01 }
                return Tensor(values, shape: codes.shape, as: .float32).transposed([0, 2, 1])
            }
            let gates = Gates(inputs: [inputs[0], real(inputs[1]), real(inputs[2]), inputs[3]], hidden: 3, count: 4)
            return unrolled(inputs, hidden: 3, states: 2) { x, states in lstm(gates, x, states) }
        },
    ]
}
