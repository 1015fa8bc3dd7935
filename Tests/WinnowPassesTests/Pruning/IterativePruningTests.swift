import Testing
import WinnowEngine
import WinnowGraph
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

struct IterativePruningTests {
    private func pass(_ values: [String: HyperparameterValue] = [:]) throws -> IterativePruning {
        let quick: [String: HyperparameterValue] = ["epochs": 3, "batch-size": 32, "learning-rate": 0.01]
        return try IterativePruning(
            hyperparameters: [
                "sparsities": [0.3, 0.5, 0.7, 0.9], "max-drop": 100, "finetune": .table(quick),
            ].merging(values) { $1 })
    }

    private func series(_ result: PassResult, _ quantity: Quantity) -> [Double] {
        result.findings.filter { $0.round != nil && $0.quantity == quantity }.compactMap(\.after)
    }

    @Test func sparsityRisesToTheTarget() throws {
        let graph = try TestModels.perceptron()
        let result = try pass()(graph, in: TestModels.context(for: graph))
        let sparsities = series(result, .sparsity)
        #expect(sparsities.count == 5)
        for (sparsity, wanted) in zip(sparsities.dropFirst(), [0.3, 0.5, 0.7, 0.9]) {
            #expect(abs(sparsity - wanted) < 0.01)
        }
        #expect(result.graph.maskNodes.isEmpty)
        #expect(abs(ModelSparsity.sparsity(of: result.graph) - 0.9) < 0.01)
    }

    @Test func theResultIsWithinTheBound() throws {
        let graph = try TestModels.perceptron()
        var context = try TestModels.context(for: graph)
        context.judge = Judge("density") { other, _, _ in 1 - ModelSparsity.sparsity(of: other) / 10 }
        let result = try pass(["max-drop": 7, "sparsities": [0.2, 0.6, 0.95, 0.99]])(graph, in: context)
        #expect(abs(ModelSparsity.sparsity(of: result.graph) - 0.6) < 0.01)
        let rejected = result.findings.filter { $0.quantity == .validation("density") && $0.status == .kept }
        #expect(rejected.count == 1, "the search ends with the first round out of bounds")
    }

    @Test func aRunThatNeverRecoversGivesTheDenseModel() throws {
        let graph = try TestModels.perceptron()
        var context = try TestModels.context(for: graph)
        context.judge = Judge("sameness") { other, _, _ in other.initializers == graph.initializers ? 1 : 0 }
        let result = try pass(["max-drop": 1])(graph, in: context)
        #expect(result.graph.text == graph.text && result.graph.initializers == graph.initializers)
    }

    @Test func refinementsHalveTheGap() throws {
        let graph = try TestModels.perceptron()
        var context = try TestModels.context(for: graph)
        context.judge = Judge("density") { other, _, _ in
            1 - max(0, ModelSparsity.sparsity(of: other) - 0.6)
        }
        let result = try pass(["max-drop": 1, "sparsities": [0.5, 0.8], "refinements": 2, "finetune": ["epochs": 0]])(
            graph, in: context)
        let sparsities = series(result, .sparsity).dropFirst()
        for (sparsity, wanted) in zip(sparsities, [0.5, 0.8, 0.65, 0.575]) { #expect(abs(sparsity - wanted) < 0.01) }
        #expect(sparsities.count == 4)
    }

    @Test func aStoppedRunContinuesToTheSameBytes() throws {
        let graph = try TestModels.perceptron()
        let whole = try pass()(graph, in: TestModels.context(for: graph)).graph
        let store = MemoryCheckpointStore()
        let cancellation = Cancellation()
        var stopped = try TestModels.context(for: graph)
        stopped.cancellation = cancellation
        stopped.state = RunState(in: store)
        stopped.progress = { event in if event.task == "pruning", event.completed == 2 { cancellation.cancel() } }
        #expect(throws: WinnowError.self) { try pass()(graph, in: stopped) }
        #expect(store.checkpoints.keys.sorted() == ["round-3-training", "rounds"], "what finished rounds had begun is gone")
        var again = try TestModels.context(for: graph)
        again.state = RunState(in: store)
        let continued = try pass()(graph, in: again).graph
        #expect(continued.text == whole.text && continued.initializers == whole.initializers)
    }

    @Test func checkpointsOfOtherRunsAreRefused() throws {
        let graph = try TestModels.perceptron()
        var context = try TestModels.context(for: graph)
        context.state = RunState(in: MemoryCheckpointStore())
        func run(_ sparsity: HyperparameterValue = 0.3, on model: Graph? = nil, in context: PassContext) throws {
            _ = try pass(["sparsities": [sparsity], "finetune": ["epochs": 0]])(model ?? graph, in: context)
        }
        try run(in: context)
        try run(in: context)
        #expect(throws: WinnowError.self) { try run(0.4, in: context) }
        #expect(throws: WinnowError.self) { try run(on: TestModels.perceptron(seed: 2), in: context) }
        var others = [context, context, context]
        others[0].seed = 1
        others[1].training = try TestModels.dataset(for: graph, seed: 1)
        others[2].training = context.validation
        others[2].validation = context.training
        for other in others { #expect(throws: WinnowError.self) { try run(in: other) } }
    }

    /// What passes that ride along are told is part of what training depends on.
    @Test func trainingWithOtherPassengersIsRefused() throws {
        let graph = try TestModels.perceptron()
        var context = try TestModels.context(for: graph)
        context.state = RunState(in: MemoryCheckpointStore())
        func run(_ sparsity: HyperparameterValue) throws {
            _ = try Finetune(hyperparameters: ["epochs": 1, "with": [["gradual-pruning": ["sparsity": sparsity]]]])(graph, in: context)
        }
        try run(0.5)
        try run(0.5)
        #expect(throws: WinnowError.self) { try run(0.6) }
    }
}

enum ModelSparsity {
    /// The part of all weights that is zero or masked.
    static func sparsity(of graph: Graph) -> Double {
        let weights = graph.weightSites.compactMap { site in
            MaskedWeight(site.tensor, graph.initializers[site.tensor], mask: site.mask.flatMap { graph.initializers[$0] })
        }
        let total = weights.reduce(0) { $0 + $1.count }
        return weights.reduce(0) { $0 + $1.sparsity * Double($1.count) } / Double(max(1, total))
    }
}

struct FinetuneTests {
    @Test func improvesOnTheTask() throws {
        let teacher = try TestModels.perceptron()
        let student = try TestModels.perceptron(seed: 77)
        let context = try TestModels.context(for: teacher)
        let pass = try Finetune(hyperparameters: ["epochs": 15, "batch-size": 16, "learning-rate": 0.01])
        let before = try context.evaluate(student, context.validationData(for: student))
        let trained = try pass(student, in: context).graph
        #expect(try context.evaluate(trained, context.validationData(for: trained)) > before + 0.1)
    }

    @Test func zerosStayZero() throws {
        let graph = try TestModels.convolutional()
        let pruned = try MagnitudePruning(hyperparameters: ["sparsity": 0.8])(graph).graph
        let trained = try Finetune(hyperparameters: ["epochs": 2, "optimizer": "adam"])(
            pruned, in: TestModels.context(for: graph)
        ).graph
        #expect(trained.maskNodes.isEmpty && trained.nodes.count == graph.nodes.count)
        for site in pruned.weightSites {
            let (old, new) = (
                try #require(pruned.initializers[site.tensor]?.floats()),
                try #require(trained.initializers[site.tensor]?.floats())
            )
            #expect(zip(old, new).allSatisfy { ($0 == 0) == ($1 == 0) })
            #expect(old != new)
        }
    }

    @Test func oneShotPassesDoNotRideAlong() throws {
        let graph = try TestModels.perceptron()
        let pass = try Finetune(hyperparameters: ["epochs": 1, "with": ["magnitude-pruning"]])
        let error = #expect(throws: WinnowError.self) { try pass(graph, in: TestModels.context(for: graph)) }
        #expect(error?.description.contains("magnitude-pruning") == true)
    }
}
