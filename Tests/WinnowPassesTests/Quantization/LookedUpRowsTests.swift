import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

/// Tables of matrices whose rows are looked up, with and without a product behind.
struct LookedUpRowsTests {
    /// Two of four matrices for each sample.
    private func experts() throws -> Graph {
        let b = GraphBuilder("experts")
        let x = try b.input("x", .float32, ["N", 24])
        let scores = try b.add(MatMul(), x, b.constant("gate", TestModels.normal([24, 4])), name: "scores")
        let top = try b.add(TopK(axis: 1), inputs: [scores, b.constant("k", Tensor([Int64(2)]))], outputs: 2, name: "top")
        let rows = try b.add(Gather(axis: 0), b.constant("experts", TestModels.normal([4, 48, 24], seed: 6)), top[1], name: "rows")
        let products = try b.add(Einsum("bkhd,bd->bkh"), rows, x, name: "products")
        return try b.graph(outputs: [b.add(Einsum("bkh,bk->bh"), products, top[0], name: "sum")])
    }

    private func error(_ a: Graph, _ b: Graph) throws -> Double {
        let samples = try TestModels.dataset(for: a, count: 16).features[0].tensor
        let (wanted, found) = (try TestModels.predictions(of: a, on: samples), try TestModels.predictions(of: b, on: samples))
        return Tensor(wanted.flatMap { $0 }).relativeError(of: Tensor(found.flatMap { $0 }))
    }

    @Test(arguments: [("", 0.02, 8), ("int8", 0.02, 8), ("uint8", 0.02, 8), ("int4", 0.2, 4)])
    func matricesOfExpertsBecomeCodes(_ scheme: String, _ limit: Double, _ bits: Int) throws {
        let graph = try experts()
        var settings: [String: HyperparameterValue] = ["only": ["rows"]]
        if !scheme.isEmpty { settings["scheme"] = .string(scheme) }
        let pass = try WeightOnlyQuantization(hyperparameters: settings)
        let result = try pass(graph)
        #expect(result.graph.initializers["experts"] == nil)
        #expect(result.graph.initializers["experts.codes"]?.elementType.bitWidth == bits)
        #expect(result.findings.contains { $0.subject == "experts" && $0.status == .done })
        #expect(try error(graph, result.graph) < limit)
        #expect(try pass(result.graph).graph.text == result.graph.text)
        try WrittenModels.keep(result.graph, "passes", "weight-only-quantization experts \(scheme)")
    }

    /// Codes of the matrices that are chosen become numbers, with a scale for each output of the product; no others do.
    @Test func chosenMatricesAloneBecomeNumbers() throws {
        let result = try WeightOnlyQuantization(hyperparameters: ["only": ["rows"]])(experts()).graph
        let lookup = try #require(result.nodes.first { $0.input(0) == "experts.codes" })
        #expect(lookup.op is Gather && !result.nodes.contains { $0.op is DequantizeLinear })
        #expect(result.initializers["experts.scale"]?.shape == [48, 1])
        #expect(result.codedTensors.contains { $0.name == "experts" && $0.parameters.axis == 1 })
    }

    /// What passes say that leave such tables alone is true.
    @Test func whatLeavesThemSaysWhy() throws {
        let findings = try DynamicQuantization()(experts()).findings
        #expect(findings.contains { $0.subject == "experts" && $0.status == .kept && $0.reason.contains("data is multiplied with them") })
    }

    /// Rows that nothing multiplies are coded where tables are, with a scale a row.
    @Test func rowsOfAnyRankAreCodedWithTables() throws {
        let b = GraphBuilder("rows")
        let ids = try b.input("ids", .int64, ["N", 5])
        let rows = try b.add(Gather(axis: 0), b.constant("table", TestModels.normal([20, 3, 8])), ids, name: "lookup")
        let graph = try b.graph(outputs: [b.add(Tanh(), rows, name: "y")])
        let kept = try WeightOnlyQuantization()(graph)
        #expect(kept.graph.text == graph.text && kept.findings.contains { $0.reason.contains("no data is multiplied with it") })
        let result = try WeightOnlyQuantization(hyperparameters: ["scheme": "int8"])(graph).graph
        #expect(result.initializers["table.codes"]?.elementType == .int8 && result.initializers["table.scale"]?.shape == [20, 1, 1])
        let inputs = ["ids": Tensor((0..<20).map { Int64($0) }, shape: [4, 5])]
        let (before, after) = (try Session(graph).run(inputs), try Session(result).run(inputs))
        #expect(try #require(before["y"]).relativeError(of: #require(after["y"])) < 0.02)
    }
}
