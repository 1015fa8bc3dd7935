import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

struct ChannelSearchTests {
    private func search(_ values: [String: HyperparameterValue] = [:]) throws -> ChannelSearch {
        try ChannelSearch(
            hyperparameters: ["candidates": 6, "tolerance": 15, "pruning": ["budget": "macs", "sparsity": 0.4]].merging(values) {
                $1
            })
    }

    /// The judge that likes the widest first layer.
    private var judge: Judge { Judge("width") { graph, _, _ in Double(graph.initializers["block.conv1.weight"]?.shape[0] ?? 0) } }

    @Test func theBestCandidateWithinTheBudgetIsKept() throws {
        let graph = try TestModels.residual()
        var context = try TestModels.context(for: graph)
        context.judge = judge
        let one = try search(["candidates": 1])(graph, in: context)
        let many = try search(["candidates": 12])(graph, in: context)
        let widths = [one, many].map { $0.graph.initializers["block.conv1.weight"]?.shape[0] ?? 0 }
        #expect(widths[1] >= widths[0])
        #expect(many.findings.contains { $0.quantity == .validation("width") && $0.after == Double(widths[1]) })
        let macs = try #require(many.findings.first { $0.quantity == ModelCost.macs.quantity })
        let left = try #require(macs.after) / #require(macs.before)
        #expect(left <= 0.6 && left >= 0.45)
        #expect(many.graph.initializers["stem.norm.mean"] != graph.initializers["stem.norm.mean"], "statistics are taken anew")
    }

    /// Where there are no weights at all, that is said; `--strict` looks for it.
    @Test func modelsWithoutWeightsAreSkipped() throws {
        let b = GraphBuilder("none")
        let graph = try b.graph(outputs: [b.add(Relu(), b.input("x", .float32, ["N", 4]))])
        let context = try Zoo.context(for: graph)
        for result in [try search()(graph, in: context), try StructuredPruning()(graph, in: context), try MagnitudePruning()(graph, in: context)] {
            #expect(result.findings.map(\.status) == [.skipped] && result.findings[0].reason == "it has no weights")
        }
    }

    @Test func whatNeverMeetsTheBudgetChangesNothing() throws {
        let graph = try TestModels.residual()
        let result = try search(["tolerance": 0])(graph, in: TestModels.context(for: graph))
        #expect(result.graph.text == graph.text && result.graph.initializers == graph.initializers)
        #expect(result.findings.contains { $0.subject == "graph" && $0.status == .skipped })
        #expect(throws: WinnowError.self) {
            try search(["pruning": ["budget": "channels"]])(graph, in: TestModels.context(for: graph))
        }
    }

    @Test(arguments: [1, 4])
    func itGoesOnWhereItWas(_ stop: Int) throws {
        let graph = try TestModels.residual()
        var context = try TestModels.context(for: graph)
        let whole = try search()(graph, in: context).graph
        let store = MemoryCheckpointStore()
        context.state = RunState(in: store)
        let cancellation = Cancellation()
        context.cancellation = cancellation
        context.progress = { if $0.task == "search", $0.completed == stop { cancellation.cancel() } }
        #expect(throws: WinnowError.self) { try search()(graph, in: context) }
        #expect(store.saveCount == stop)
        (context.cancellation, context.progress) = (nil, nil)
        let resumed = try search()(graph, in: context).graph
        #expect(resumed.text == whole.text && resumed.initializers == whole.initializers && store.saveCount == 6)
    }
}
