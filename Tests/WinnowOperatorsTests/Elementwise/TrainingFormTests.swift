import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

@Suite struct TrainingFormTests {
    @Test func batchNormalizationUpdatesItsStatistics() throws {
        let b = GraphBuilder("norm")
        let x = try b.input("x", .float32, ["N", 3, 2, 2])
        let graph = try b.graph(outputs: [b.batchNormalization(x, name: "bn")])
        let node = try #require(graph.node(named: "bn"))
        let edit = try #require(try node.op.trainingForm(of: node, in: GraphIndex(graph)))
        let training = try graph.applying(edit)
        #expect(training.outputs == graph.outputs)
        let store = VariableStore(["bn.mean": Tensor(zeros: [3]), "bn.variance": Tensor(repeating: Float(1), shape: [3])])
        let plan = try Plan(training, inputShapes: ["x": [4, 3, 2, 2]], variables: store)
        let data = Tensor.sample([4, 3, 2, 2], in: 1...3)
        try plan.setInput("x", data)
        try plan.execute()
        let mean = sumOfFirstChannel(data) / 16
        #expect((try #require(store["bn.mean"]).doubles()[0] - 0.1 * mean).magnitude < 1e-6)
        let output = try #require(plan.output(training.outputs[0]))
        #expect(sumOfFirstChannel(output).magnitude < 1e-4)
    }

    private func sumOfFirstChannel(_ tensor: Tensor) -> Double {
        let sums = (0..<tensor.shape[0]).map { row -> Double in
            tensor.rows(row..<(row + 1)).doubles().prefix(4).reduce(0, +)
        }
        return sums.reduce(0, +)
    }

    @Test func dropoutKeepsTheMeanAndChangesWithTheStep() throws {
        let b = GraphBuilder("dropout")
        let x = try b.input("x", .float32, ["N", 100])
        let graph = try b.graph(outputs: [b.dropout(x, ratio: 0.25, name: "drop")])
        let node = try #require(graph.node(named: "drop"))
        var edit = try #require(try node.op.trainingForm(of: node, in: GraphIndex(graph)))
        edit.initializers = [("training.step", Tensor(scalar: Int64(0)))]
        let training = try graph.applying(edit)
        let store = VariableStore(["training.step": Tensor(scalar: Int64(0))])
        let plan = try Plan(training, inputShapes: ["x": [400, 100]], variables: store)
        try plan.setInput("x", Tensor(repeating: Float(1), shape: [400, 100]))
        func run(step: Int64) throws -> [Double] {
            store["training.step"] = Tensor(scalar: step)
            try plan.execute()
            return try #require(plan.output(training.outputs[0])).doubles()
        }
        let (first, again, second) = (try run(step: 0), try run(step: 0), try run(step: 1))
        #expect(first == again && first != second)
        #expect(Set(first) == [0, Double(Float(1 / 0.75))])
        #expect((first.reduce(0, +) / 40_000 - 1).magnitude < 0.02)
        // 0.75² + 0.25²
        let agreement = Double(zip(first, second).filter { $0 == $1 }.count) / 40_000
        #expect((agreement - 0.625).magnitude < 0.02)
    }
}
