import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowEngine

/// Recurrent layers stay one step of a plan, whichever axis comes first.
struct RecurrentPlanTests {
    /// What torch exports for `batch_first`: the layer between transpositions.
    private func between(_ layout: Bool) throws -> Graph {
        let b = GraphBuilder("layer")
        let x = try b.input("x", .float32, ["N", 7, 3])
        let (w, r) = (b.constant("W", .sample([1, 16, 3])), b.constant("R", .sample([1, 16, 4], seed: 2)))
        let op = LSTM(RecurrentParameters(hiddenSize: 4, isBatchFirst: layout))
        if layout { return try b.graph(outputs: [b.add(op, x, w, r, name: "y")]) }
        let y = try b.add(op, b.add(Transpose([1, 0, 2]), x), w, r)
        return try b.graph(outputs: [b.add(Transpose([2, 0, 1, 3]), y, name: "y")])
    }

    @Test func batchFirstIsNotUnrolled() throws {
        let session = try Session(between(true))
        let plan = try session.plan(for: ["x": [2, 7, 3]])
        #expect(plan.steps.count { $0.operatorType == "LSTM" } == 1)
        #expect(plan.steps.count <= 3)
        let x = ["x": Tensor.sample([2, 7, 3], seed: 3)]
        #expect(try session.run(x) == Session(between(false)).run(x))
    }

    /// Constant weights are read in panels by one kernel a step; the same weights as inputs by kernels of each operator in it.
    @Test func oneKernelAStepAgrees() throws {
        var generator = RandomGenerator(seed: 4)
        for round in 0..<24 {
            let (size, rows, time) = ([16, 17, 32, 40, 72][round % 5], Int.random(in: 1...9, using: &generator), Int.random(in: 1...6, using: &generator))
            let parameters = RecurrentParameters(
                hiddenSize: size, direction: [.forward, .reverse, .bidirectional][round % 3])
            let (op, gates): (any Operator, Int) = switch round % 4 {
            case 0: (RNN(parameters), 1)
            case 1: (GRU(parameters), 3)
            case 2: (GRU(parameters, resetsAfterProduct: true), 3)
            default: (LSTM(parameters), 4)
            }
            let directions = parameters.direction == .bidirectional ? 2 : 1
            let shapes: [Shape] = [[directions, gates * size, 5], [directions, gates * size, size], [directions, 2 * gates * size]]
            let weights = shapes.indices.map { Tensor.sample(shapes[$0], in: -0.5...0.5, seed: UInt64(round * 3 + $0)) }
            let states = (0..<(gates == 4 ? 2 : 1)).map { Tensor.sample([directions, rows, size], in: -1...1, seed: UInt64(90 + round + $0)) }
            func outputs(areConstant: Bool) throws -> [String: Tensor] {
                let b = GraphBuilder("layer")
                var inputs = ["x": Tensor.sample([time, rows, 5], in: -1...1, seed: UInt64(round))]
                let x = try b.input("x", .float32, Shape([time, rows, 5]).map { .fixed($0) })
                let operands = try zip(["w", "r", "b"], weights).map { name, value in
                    if areConstant { return b.constant(name, value) }
                    inputs[name] = value
                    return try b.input(name, .float32, value.shape.map { .fixed($0) })
                }
                let initial = round % 2 == 0 ? states.enumerated().map { b.constant("s\($0)", $1) } : []
                let all: [ValueName?] = [x] + operands + (initial.isEmpty ? [] : [nil] + initial)
                return try Session(b.graph(outputs: b.add(op, inputs: all, outputs: gates == 4 ? 3 : 2))).run(inputs)
            }
            let (one, many) = (try outputs(areConstant: true), try outputs(areConstant: false))
            for (first, second) in zip(one.sorted { $0.key < $1.key }, many.sorted { $0.key < $1.key }) {
                #expect(first.value.shape == second.value.shape)
                let difference = zip(first.value.floats(), second.value.floats()).map { abs($0 - $1) }.max() ?? 0
                #expect(difference < 2e-6, "\(op.type) \(size) \(rows) \(time)")
            }
        }
    }
}
