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
}
