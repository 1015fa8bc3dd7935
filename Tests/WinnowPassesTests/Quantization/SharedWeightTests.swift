import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

/// A weight that several layers read is stored once, however exporters write that.
struct SharedWeightTests {
    enum Spelling: CaseIterable { case plain, identities, transposes, transpose }

    /// Three layers with one matrix, and a head.
    private func tower(_ spelling: Spelling) throws -> Graph {
        let b = GraphBuilder("tower")
        var x = try b.input("x", .float32, ["N", 16])
        let weight = TestModels.normal([16, 16])
        let w = b.constant("w", spelling == .transposes || spelling == .transpose ? weight.transposed([1, 0]) : weight)
        let turned = try spelling == .transpose ? b.add(Transpose([1, 0]), w, name: "turn") : w
        for layer in 0..<3 {
            var read = turned
            if spelling == .identities, layer > 0 { read = try b.add(Identity(), w, name: "again\(layer)") }
            if spelling == .transposes { read = try b.add(Transpose([1, 0]), w, name: "turn\(layer)") }
            x = try b.add(Relu(), b.add(MatMul(), x, read, name: "p\(layer)"), name: "r\(layer)")
        }
        return try b.graph(outputs: [b.linear(x, b.constant("head.weight", TestModels.normal([4, 16], seed: 6)), name: "head")])
    }

    private func spread(_ graph: Graph) throws -> Float {
        let values = try TestModels.predictions(of: graph, on: TestModels.dataset(for: graph, count: 16).features[0].tensor).flatMap { $0 }
        return (values.max() ?? 0) - (values.min() ?? 0)
    }

    private func matrices(_ graph: Graph) -> [ElementType] {
        graph.initializers.values.filter { $0.rank == 2 }.map(\.elementType)
    }

    @Test(arguments: Spelling.allCases) func staticCodesAreStoredOnce(_ spelling: Spelling) throws {
        let graph = try tower(spelling)
        let result = try StaticQuantization(hyperparameters: ["output-sqnr": 0])(graph, in: TestModels.context(for: graph)).graph
        #expect(matrices(result) == [.int8, .int8])
        #expect(result.initializers.keys.count { $0.hasPrefix("w.scale") } == 1)
        let index = GraphIndex(result)
        let layers = result.nodes.filter { $0.op.quantization == .contraction }
        #expect(layers.count == 4 && layers.allSatisfy { $0.inputs.prefix(2).allSatisfy { index.producer(of: $0)?.op is DequantizeLinear } })
        #expect(try TestModels.largestDifference(graph, result) < 0.1 * spread(graph))
        try WrittenModels.keep(result, "passes", "static-quantization shared \(spelling)")
    }

    @Test(arguments: Spelling.allCases) func dynamicCodesAreStoredOnce(_ spelling: Spelling) throws {
        let graph = try tower(spelling)
        let result = try DynamicQuantization()(graph)
        #expect(result.graph.nodes.count { $0.op is MatMulInteger } == 4 && !result.findings.contains { $0.status == .skipped })
        #expect(matrices(result.graph) == [.int8, .int8])
        #expect(result.graph.initializers.keys.count { $0.hasPrefix("w.scale") } == 1)
        #expect(try TestModels.largestDifference(graph, result.graph) < 0.1 * spread(graph))
    }

    @Test(arguments: Spelling.allCases) func factorsAreStoredOnce(_ spelling: Spelling) throws {
        let graph = try tower(spelling)
        let pass = try SVDFactorization(hyperparameters: ["rank": 3, "only": ["w"], "weighting": "activations"])
        let result = try pass(graph, in: TestModels.context(for: graph))
        #expect(result.graph.nodes.count { $0.op is MatMul } == 6)
        #expect(result.graph.parameterCount == 2 * 3 * 16 + 4 * 16)
        #expect(result.findings.contains { $0.subject == "w" && $0.quantity == .layerError })
        let plain = try tower(.plain)
        #expect(try TestModels.largestDifference(result.graph, pass(plain, in: TestModels.context(for: plain)).graph) < 1e-3)
    }

    /// A weight that is looked up and multiplied has no factors that both could read.
    @Test func whatIsReadInTwoWaysIsNotSplit() throws {
        let b = GraphBuilder("tied")
        let ids = try b.input("ids", .int64, ["N", 5])
        let table = b.constant("table", TestModels.normal([40, 16]))
        let rows = try b.add(Gather(axis: 0), table, ids, name: "lookup")
        let graph = try b.graph(outputs: [b.add(MatMul(), rows, b.add(Transpose([1, 0]), table, name: "turn"), name: "scores")])
        let result = try SVDFactorization(hyperparameters: ["rank": 2, "tables": true])(graph)
        #expect(result.graph.text == graph.text)
        #expect(result.findings.contains { $0.subject == "table" && $0.status == .skipped && $0.reason.contains("not all in the same way") })
    }
}
