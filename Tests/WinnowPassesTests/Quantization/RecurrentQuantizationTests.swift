import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

/// Weights of recurrent layers and of Einsum become codes like all others.
struct RecurrentQuantizationTests {
    private func difference(_ a: Graph, _ b: Graph) throws -> Float {
        let x = ["x": TestModels.normal([5, 3, 6], seed: 8)]
        let (first, second) = (try Session(a).run(x)["y"], try Session(b).run(x)["y"])
        return zip(first?.floats() ?? [.infinity], second?.floats() ?? []).map { ($0 - $1).magnitude }.max() ?? .infinity
    }

    private var models: [Graph] {
        get throws {
            [
                try TestModels.recurrent(), try TestModels.recurrent(direction: .bidirectional),
                try TestModels.recurrent({ GRU($0) }, gates: 3), try TestModels.recurrent({ RNN($0) }, gates: 1),
            ]
        }
    }

    @Test(arguments: ["weight-only-quantization", "fixed-point-quantization", "palettization", "float4-quantization"])
    func weightsAreStoredSmaller(_ name: String) throws {
        for graph in try models {
            let pass = try PassCatalogue.pass(named: name).init()
            let result = try pass(graph)
            for weight in ["W", "R", "E"] {
                let finding = try #require(result.findings.first { $0.subject == weight && $0.status != .kept })
                #expect(finding.status != .skipped, "\(finding)")
                #expect(result.graph.initializers[weight] == nil)
            }
            #expect(try difference(graph, result.graph) < 0.15)
        }
    }

    /// A piece of a graph has all weights of its layers, and a layer counts once.
    @Test func piecesHaveAllWeightsOfTheirLayers() throws {
        let graph = try TestModels.recurrent()
        for (count, tensors) in [(1, [["W", "R"], ["E"]]), (2, [["W", "R", "E"]])] {
            #expect(GraphBlock.all(of: graph, around: graph.weightSites, layerCount: count).map(\.tensors) == tensors)
        }
    }

    @Test func scalesBelongToGates() throws {
        let result = try WeightOnlyQuantization()(TestModels.recurrent()).graph
        #expect(result.initializers["W.scale"]?.shape == [40])
        #expect(result.initializers["W.codes"]?.elementType == .int8)
        #expect(try difference(TestModels.recurrent(), result) < 0.01)
    }

    /// Static quantization has no integer form of recurrent layers: their weights become the codes that weight-only quantization makes.
    @Test func staticQuantizationStoresRecurrentWeightsAsCodes() throws {
        let calibration = try Dataset([.init(name: "x", TestModels.normal([16, 5, 6]))])
        let context = PassContext(calibration: calibration)
        for (place, graph) in try models.enumerated() {
            let alone = try WeightOnlyQuantization()(graph).graph
            let result = try StaticQuantization()(graph, in: context)
            for name in ["W", "R"] {
                #expect(result.findings.contains { $0.subject == name && $0.status == .done && $0.quantity == .elementSize && $0.after == 8 })
                #expect(result.graph.initializers[name] == nil)
                #expect(result.graph.initializers["\(name).codes"] == alone.initializers["\(name).codes"])
            }
            #expect(try difference(graph, result.graph) < 0.05)
            try WrittenModels.keep(result.graph, "passes", "static-quantization recurrent \(place)")
            #expect(try StaticQuantization()(result.graph, in: context).graph.text == result.graph.text)
        }
        let graph = try TestModels.recurrent()
        let floats = try StaticQuantization(hyperparameters: ["code-recurrent-weights": false])(graph, in: context).graph
        #expect(floats.initializers["W"] != nil && floats.initializers["R"] != nil)
        let chosen = try StaticQuantization(hyperparameters: ["except": ["R"]])(graph, in: context)
        #expect(chosen.graph.initializers["W"] == nil && chosen.graph.initializers["R"] != nil)
        #expect(chosen.findings.contains { $0.subject == "R" && $0.status == .kept })
    }

    @Test(arguments: [RecurrentParameters.Direction.forward, .reverse, .bidirectional], [true, false])
    func dynamicQuantizationTakesLayersOfMemories(_ direction: RecurrentParameters.Direction, _ perChannel: Bool) throws {
        let graph = try TestModels.recurrent(direction: direction)
        let result = try DynamicQuantization(hyperparameters: ["per-channel": .bool(perChannel)])(graph)
        #expect(result.graph.node(named: "layer")?.op is DynamicQuantizeLSTM)
        for name in ["W", "R"] { #expect(result.findings.contains { $0.subject == name && $0.status == .done }) }
        #expect(try difference(graph, result.graph) < 0.03)
    }

    @Test func magnitudePruningReachesAll() throws {
        let result = try MagnitudePruning(hyperparameters: ["sparsity": 0.5])(TestModels.recurrent()).graph
        for name in ["W", "R", "E"] {
            let tensor = try #require(result.initializers[name])
            #expect(2 * tensor.zeroCount == tensor.elementCount)
        }
    }

    /// x·E with several axes of E to the right is one integer product.
    @Test func einsumsBecomeProducts() throws {
        let b = GraphBuilder("einsum")
        let x = try b.input("x", .float32, ["N", 5, 6])
        let y = try b.add(Einsum("nsd,dhk->nshk"), x, b.constant("E", TestModels.normal([6, 2, 4])), name: "heads")
        let graph = try b.graph(outputs: [b.add(Identity(), y, name: "y")])
        let dynamic = try DynamicQuantization()(graph)
        #expect(dynamic.graph.nodes.contains { $0.op is MatMulInteger } && !dynamic.graph.nodes.contains { $0.op is Einsum })
        #expect(dynamic.findings.contains { $0.subject == "E" && $0.status == .done })
        let inputs = ["x": TestModels.normal([5, 5, 6])]
        let calibration = try Dataset([.init(name: "x", TestModels.normal([5, 5, 6]))])
        let fixed = try StaticQuantization()(graph, in: PassContext(calibration: calibration))
        #expect(fixed.graph.initializers["E.codes"]?.elementType == .int8)
        for result in [dynamic.graph, fixed.graph] {
            let (exact, near) = (try Session(graph).run(inputs)["y"], try Session(result).run(inputs)["y"])
            let pairs = zip(exact?.floats() ?? [], near?.floats() ?? [])
            #expect(pairs.allSatisfy { ($0 - $1).magnitude < 0.03 } && near?.elementCount == 200)
        }
    }
}
