import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

/// Weights that make several axes of a result at once: one matrix for each expert.
struct ChannelStackTests {
    enum Form: String, CaseIterable, Sendable { case matMul, einsum }

    /// Experts 6 → 8 → 6 for each of which every sample counts by a softmax, or as much as by the others.
    private func experts(_ count: Int, _ form: Form, isRouted: Bool) throws -> Graph {
        let b = GraphBuilder("experts")
        let x = try b.input("x", .float32, ["N", 6])
        let (w1, w2) = (b.constant("w1", TestModels.normal([count, 6, 8])), b.constant("w2", TestModels.normal([count, 8, 6], seed: 2)))
        let hidden = try b.add(Tanh(), form == .einsum ? b.add(Einsum("nd,edh->enh"), x, w1) : b.add(MatMul(), x, w1))
        var y = try form == .einsum ? b.add(Einsum("enh,ehd->end"), hidden, w2) : b.add(MatMul(), hidden, w2)
        if isRouted {
            let parts = try b.add(Softmax(axis: 1), b.add(MatMul(), x, b.constant("router", TestModels.normal([6, count], seed: 3))))
            let columns = try b.add(Unsqueeze(), b.add(Transpose([1, 0]), parts), b.constant("last", Tensor([Int64(2)])))
            y = try b.add(Mul(), y, columns)
        }
        let sum = try b.add(ReduceSum(axes: [0], keepsAxes: false), y)
        return try b.graph(outputs: [b.add(MatMul(), sum, b.constant("w3", TestModels.normal([6, 3], seed: 4)))])
    }

    /// A softmax keeps the experts: their hidden units go all the same.
    @Test(arguments: Form.allCases) func hiddenUnitsGoWhereExpertsStay(_ form: Form) throws {
        let graph = try experts(4, form, isRouted: true)
        try expectShrunkEqualsMasked(graph, smaller: ["w1", "w2", "w3"])
        let result = try StructuredPruning()(graph)
        #expect(["w1", "w2", "w3"].map { result.graph.initializers[$0]?.shape } == [[4, 6, 4], [4, 4, 3], [3, 3]])
        let findings = result.findings.filter { $0.subject == "w1" }
        #expect(findings.count == 1 && findings[0].before == 8 && findings[0].after == 4 && findings[0].reason.isEmpty)
    }

    /// Where nothing keeps the experts, they go.
    @Test(arguments: Form.allCases) func expertsGo(_ form: Form) throws {
        let graph = try experts(4, form, isRouted: false)
        try expectShrunkEqualsMasked(graph, smaller: ["w1", "w2", "w3"])
        let result = try StructuredPruning()(graph)
        #expect(["w1", "w2", "w3"].map { result.graph.initializers[$0]?.shape } == [[2, 6, 8], [2, 8, 3], [3, 3]])
        let findings = result.findings.filter { $0.subject == "w1" }
        #expect(findings.count == 1 && findings[0].before == 4 && findings[0].after == 2)
    }

    /// Of a stack of one there are hidden units alone.
    @Test func stacksOfOneLoseHiddenUnits() throws {
        let graph = try experts(1, .matMul, isRouted: false)
        try expectShrunkEqualsMasked(graph, smaller: ["w1", "w2", "w3"])
        #expect(try StructuredPruning()(graph).graph.initializers["w1"]?.shape == [1, 6, 4])
    }
}
