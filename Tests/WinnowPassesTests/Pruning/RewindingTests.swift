import Testing
import WinnowEngine
import WinnowGraph
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

/// Lottery tickets: weights go back, masks stay.
struct RewindingTests {
    private func pass(_ rewind: String, epochs: Int = 3, _ values: [String: HyperparameterValue] = [:]) throws -> IterativePruning
    {
        try IterativePruning(
            hyperparameters: [
                "sparsities": [0.3, 0.6], "max-drop": 100, "rewind": .string(rewind), "keep-mask": true,
                "finetune": ["epochs": .int(epochs), "batch-size": 32, "learning-rate": 0.01, "keep-best": false],
            ].merging(values) { $1 })
    }

    @Test(arguments: ["none", "start", "epoch 3"]) func namesAreReadBack(_ text: String) throws {
        #expect(Rewinding(.string(text))?.description == text)
        #expect(try pass(text).hyperparameters["rewind"] == .string(text))
    }

    @Test(arguments: ["epoch 0", "epoch", "epoch x", "later", "start 1"]) func othersAreRefused(_ text: String) {
        #expect(Rewinding(.string(text)) == nil)
    }

    @Test func laterThanTrainingIsRefused() throws {
        let graph = try TestModels.perceptron()
        let error = #expect(throws: WinnowError.self) { try pass("epoch 4")(graph, in: TestModels.context(for: graph)) }
        #expect(error?.description.contains("dense training has 3") == true)
    }

    /// The round after a round trains from the given values with the round's mask: by hand the same bytes.
    @Test func ticketsAreTrainedFromTheStart() throws {
        let graph = try TestModels.perceptron()
        let context = try TestModels.context(for: graph)
        let one = try pass("start", ["sparsities": [0.5]])
        let result = try one(graph, in: context).graph
        func train(_ graph: Graph, seed: UInt64) throws -> Graph {
            var own = context
            own.seed = seed
            return try one.finetune.train(graph, original: graph, in: own)
        }
        let dense = try train(graph, seed: 0)
        let masks = try MagnitudePruning {
            $0.sparsity = 0.5; $0.rule.scope = .global; $0.rule.keepMask = true
        }(dense).graph.pruningMasks
        let ticket = try graph.masking(Dictionary(uniqueKeysWithValues: masks.map { ($0.tensor, $0.values) }))
        let expected = try train(ticket, seed: 1)
        #expect(result.text == expected.text && result.initializers == expected.initializers)
    }

    /// What is beneath a mask keeps the value that it goes back to: that of the given epoch of dense training.
    @Test(arguments: [1, 2]) func weightsGoBackToAnEpoch(_ epoch: Int) throws {
        let graph = try TestModels.perceptron()
        let context = try TestModels.context(for: graph)
        var own = try pass("epoch \(epoch)")
        let result = try own(graph, in: context).graph
        let capture = EpochCapture(epoch)
        own.finetune.with = []
        _ = try own.finetune.train(graph, original: graph, hook: capture, in: context)
        for mask in result.pruningMasks {
            let (then, now) = (
                try #require(capture.tensors[mask.tensor]).floats(), try #require(result.initializers[mask.tensor]).floats()
            )
            let kept = mask.values.floats()
            #expect(kept.indices.allSatisfy { kept[$0] == 1 || then[$0] == now[$0] })
            #expect(kept.contains(0) && then != now)
        }
    }

    @Test func masksAreNested() throws {
        let graph = try TestModels.perceptron()
        func masks(_ sparsities: HyperparameterValue) throws -> [PruningMask] {
            try pass("start", ["sparsities": sparsities])(graph, in: TestModels.context(for: graph)).graph.pruningMasks
        }
        for (first, second) in zip(try masks([0.3]), try masks([0.3, 0.6])) {
            #expect(zip(first.values.floats(), second.values.floats()).allSatisfy { $0 >= $1 })
        }
    }

    @Test func aStoppedRunContinuesToTheSameBytes() throws {
        let graph = try TestModels.perceptron()
        let whole = try pass("epoch 1")(graph, in: TestModels.context(for: graph)).graph
        for round in [0, 1] {
            let store = MemoryCheckpointStore()
            let cancellation = Cancellation()
            var stopped = try TestModels.context(for: graph)
            (stopped.cancellation, stopped.state) = (cancellation, RunState(in: store))
            stopped.progress = { event in
                if round == 0 ? event.completed > 8 : event.task == "pruning" && event.completed == 1 { cancellation.cancel() }
            }
            #expect(throws: WinnowError.self) { try pass("epoch 1")(graph, in: stopped) }
            var again = try TestModels.context(for: graph)
            again.state = RunState(in: store)
            let continued = try pass("epoch 1")(graph, in: again).graph
            #expect(continued.text == whole.text && continued.initializers == whole.initializers, "stopped in round \(round)")
        }
    }

    /// A model that no round keeps within the bound is the dense one, trained.
    @Test func theDenseModelIsTheTrainedOne() throws {
        let graph = try TestModels.perceptron()
        var context = try TestModels.context(for: graph)
        context.judge = Judge("density") { other, _, _ in 1 - ModelSparsity.sparsity(of: other) }
        let result = try pass("start", ["max-drop": 1])(graph, in: context).graph
        #expect(result.maskNodes.isEmpty && result.text == graph.text && result.initializers != graph.initializers)
    }
}
