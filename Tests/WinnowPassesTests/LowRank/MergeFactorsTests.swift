import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

struct MergeFactorsTests {
    /// What was split comes back as one layer under its name, and computes what the several did.
    @Test(arguments: ["channel", "spatial", "tucker-2", "cp"]) func splitLayersComeBack(_ convolutions: String) throws {
        for graph in [
            try TestModels.perceptron(), try TestModels.convolutional(), try TestModels.residual(),
            try TestModels.products(),
        ] {
            let split = try SVDFactorization(hyperparameters: [
                "rank-fraction": 0.3, "convolutions": .string(convolutions),
            ])(graph)
            let merged = try MergeFactors(hyperparameters: ["always": true])(split.graph)
            #expect(merged.graph.parameterCount == graph.parameterCount, "\(graph.name)")
            #expect(merged.graph.nodes.map(\.name).sorted() == graph.nodes.map(\.name).sorted())
            let weights = graph.weightSites.map(\.tensor)
            for name in weights {
                #expect(
                    merged.graph.initializers[name]?.shape == graph.initializers[name]?.shape, "\(graph.name) \(name)")
            }
            #expect(try TestModels.largestDifference(split.graph, merged.graph) < 1e-3, "\(graph.name)")
            try WrittenModels.keep(merged.graph, "passes", "merge-factors \(convolutions) \(graph.name)")
            // What pays stays split.
            let kept = try MergeFactors()(split.graph)
            #expect(kept.graph.parameterCount <= split.graph.parameterCount)
            #expect(try TestModels.largestDifference(split.graph, kept.graph) < 1e-3, "\(graph.name)")
            guard convolutions == "channel" else { continue }
            #expect(kept.graph.text == split.graph.text)
            #expect(kept.findings.contains { $0.reason.contains("would take") } == (split.graph.text != graph.text))
        }
    }

    /// Layers without anything between that one could do as well become one, biases too.
    @Test func biasesMoveThrough() throws {
        let b = GraphBuilder("two")
        let x = try b.input("x", .float32, ["N", 3, 9, 8])
        func weight(_ name: String, _ shape: Shape, _ seed: UInt64) -> ValueName {
            b.constant(name, TestModels.normal(shape, seed: seed))
        }
        var y = try b.conv(x, weight("a", [16, 3, 1, 3], 1), weight("ab", [16], 2), name: "first")
        y = try b.add(
            Conv(window: Window(strides: [2, 1])), inputs: [y, weight("b", [6, 16, 2, 1], 3), weight("bb", [6], 4)],
            name: "second")[0]
        y = try b.add(Flatten(), y, name: "flatten")
        y = try b.linear(y, weight("c", [40, 6 * 4 * 6], 5), weight("cb", [40], 6), name: "third")
        y = try b.add(
            Gemm(alpha: 0.5, beta: 2), inputs: [y, weight("d", [40, 5], 7), weight("db", [5], 8)], name: "fourth")[0]
        let graph = try b.graph(outputs: [y])
        let result = try MergeFactors()(graph)
        #expect(result.graph.nodes.map(\.name) == ["second", "flatten", "fourth"])
        #expect(result.findings.count { $0.status == .done } == 4)
        let values = TestModels.normal([4, 3, 9, 8], seed: 9)
        let (before, after) = (try Session(graph).run(["x": values]), try Session(result.graph).run(["x": values]))
        #expect(try #require(before[y]).relativeError(of: #require(after[y])) < 1e-5)
        let only = try MergeFactors(hyperparameters: ["only": ["first", "fourth"]])(graph)
        #expect(only.graph.text == graph.text)
    }

    /// A bias before padding is no bias behind it: the layers stay, and the report says why.
    @Test func whatIsNotOneLayerStays() throws {
        let b = GraphBuilder("padded")
        let x = try b.input("x", .float32, ["N", 8, 9, 8])
        var y = try b.conv(
            x, b.constant("a", TestModels.normal([8, 8, 1, 1])), b.constant("ab", TestModels.normal([8])), name: "first"
        )
        y = try b.conv(y, b.constant("b", TestModels.normal([8, 8, 3, 3])), padding: 1, name: "second")
        y = try b.conv(y, b.constant("c", TestModels.normal([8, 8, 3, 3])), padding: 1, name: "third")
        let graph = try b.graph(outputs: [y])
        let result = try MergeFactors(hyperparameters: ["always": true])(graph)
        #expect(result.graph.text == graph.text)
        #expect(result.findings.contains { $0.reason.contains("bias") || $0.reason.contains("window") })
    }
}
