import Foundation
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

/// Operators that hand a state from call to call, and the draws and bits that came with them.
extension OperatorSamples {
    /// Sums over the places before, with the state (or zeros) in front.
    private static func causal(_ swish: Bool) -> @Sendable ([Tensor]) -> [Tensor] {
        { inputs in
            let (x, w) = (inputs[0].reader(), inputs[1].reader())
            let bias = inputs.count > 2 ? inputs[2].doubles() : [0, 0]
            let past = inputs.count > 3 ? inputs[3].reader() : { _ in 0 }
            func padded(_ n: Int, _ c: Int, _ place: Int) -> Double { place < 2 ? past([n, c, place]) : x([n, c, place - 2]) }
            return [
                .computed([2, 2, 4]) { place in
                    let sum = (0..<3).reduce(bias[place[1]]) { $0 + w([place[1], 0, $1]) * padded(place[0], place[1], place[2] + $1) }
                    return swish ? sum / (1 + exp(-sum)) : sum
                },
                .computed([2, 2, 2]) { padded($0[0], $0[1], $0[2] + 4) },
            ]
        }
    }

    private static func attended(_ rule: LinearAttention.Rule, readers: Int, scale: Double) -> @Sendable ([Tensor]) -> [Tensor] {
        { inputs in
            let (q, k, v) = (inputs[0].reader(), inputs[1].reader(), inputs[2].reader())
            var rest = inputs.dropFirst(3).filter { $0.rank == 4 || $0.rank == 3 }
            let past = rest.first?.rank == 4 ? rest.removeFirst() : nil
            let decay = rule == .gated || rule == .gatedDelta ? rest.removeFirst() : nil
            let beta = rest.first
            var results = [Double](repeating: 0, count: 2 * 3 * readers * 2)
            var finals: [Double] = []
            for n in 0..<2 {
                for head in 0..<2 {
                    var state = (0..<3).map { i in (0..<2).map { m in past.map { $0.reader()([n, head, i, m]) } ?? 0 } }
                    for t in 0..<3 {
                        if let decay {
                            let g = decay.reader()
                            for i in 0..<3 { for m in 0..<2 { state[i][m] *= exp(decay.shape[2] == 2 ? g([n, t, head]) : g([n, t, head * 3 + i])) } }
                        }
                        var written = (0..<2).map { v([n, t, head * 2 + $0]) }
                        if let beta {
                            let rate = beta.reader()([n, t, beta.shape[2] == 1 ? 0 : head])
                            written = (0..<2).map { m in rate * (written[m] - (0..<3).reduce(0) { $0 + state[$1][m] * k([n, t, head * 3 + $1]) }) }
                        }
                        for i in 0..<3 { for m in 0..<2 { state[i][m] += k([n, t, head * 3 + i]) * written[m] } }
                        for reader in 0..<readers where reader / (readers / 2) == head {
                            for m in 0..<2 {
                                results[((n * 3 + t) * readers + reader) * 2 + m] = scale * (0..<3).reduce(0) { $0 + state[$1][m] * q([n, t, reader * 3 + $1]) }
                            }
                        }
                    }
                    finals += state.flatMap { $0 }
                }
            }
            return [Tensor(results, shape: [2, 3, readers * 2], as: .float32), Tensor(finals, shape: [2, 2, 3, 2], as: .float32)]
        }
    }

    private static func operands(_ readers: Int) -> [Tensor] {
        [.sample([2, 3, readers * 3]), .sample([2, 3, 6], in: -1...1, seed: 2), .sample([2, 3, 4], seed: 3)]
    }

    private static let state = Tensor.sample([2, 2, 3, 2], in: -1...1, seed: 4)

    static let stateful: [OperatorSample] = [
        OperatorSample(
            CausalConvWithState(), [.sample([2, 2, 4]), .sample([2, 1, 3], seed: 2)], outputs: 2, version: 27, reference: causal(false)),
        OperatorSample(
            CausalConvWithState(appliesSwish: true),
            [.sample([2, 2, 4]), .sample([2, 1, 3], seed: 2), .sample([2], seed: 3), .sample([2, 2, 2], seed: 4)], outputs: 2, version: 27,
            reference: causal(true)),
        OperatorSample(CausalConvWithState(), [.sample([1, 2, 3]), .sample([2, 1, 1], seed: 2)], outputs: 2, version: 27) { inputs in
            let (x, w) = (inputs[0].reader(), inputs[1].reader())
            return [.computed([1, 2, 3]) { x($0) * w([$0[1], 0, 0]) }, Tensor(zeros: [1, 2, 0])]
        },
        OperatorSample(
            LinearAttention(.linear, queryHeads: 2, keyHeads: 2, scale: 0.5), operands(2), outputs: 2, version: 27,
            reference: attended(.linear, readers: 2, scale: 0.5)),
        OperatorSample(
            LinearAttention(.gated, queryHeads: 4, keyHeads: 2), operands(4) + [state, .sample([2, 3, 6], in: -1...0, seed: 5)], outputs: 2,
            version: 27, reference: attended(.gated, readers: 4, scale: 1 / 3.0.squareRoot())),
        OperatorSample(
            LinearAttention(.delta, queryHeads: 2, keyHeads: 2), operands(2) + [nil, nil, .sample([2, 3, 1], in: 0...1, seed: 6)], outputs: 2,
            version: 27, gradientOutput: 1, reference: attended(.delta, readers: 2, scale: 1 / 3.0.squareRoot())),
        OperatorSample(
            LinearAttention(queryHeads: 2, keyHeads: 2),
            operands(2) + [state, .sample([2, 3, 2], in: -1...0, seed: 5), .sample([2, 3, 2], in: 0...1, seed: 6)], outputs: 2, version: 27,
            reference: attended(.gatedDelta, readers: 2, scale: 1 / 3.0.squareRoot())),
        OperatorSample(BitCast(to: .int32), [Tensor([Float(1), -2, 0.5])], version: 26, differentiated: []) { _ in
            [Tensor([Int32(0x3F80_0000), -0x4000_0000, 0x3F00_0000])]
        },
        OperatorSample(BitCast(to: .uint8), [Tensor([Int8(-1), 5])], constants: [0], version: 26) { _ in [Tensor([UInt8(255), 5])] },
        // One class is far more likely than all others.
        OperatorSample(Multinomial(sampleCount: 3), [Tensor([Float(0), 90, 0, 90, 0, 0], shape: [2, 3])], differentiated: []) { _ in
            [Tensor([Int32(1), 1, 1, 0, 0, 0], shape: [2, 3])]
        },
        OperatorSample(Multinomial(sampleCount: 2, target: .int64, seed: 4), [.sample([2, 3])], differentiated: []),
    ]
}
