import Testing
import WinnowEngine
import WinnowGraph
import WinnowTensor
import WinnowTestSupport
import WinnowTraining
@testable import WinnowPasses

struct DynamicSparseTrainingTests {
    private func finetune(_ settings: [String: HyperparameterValue], epochs: Int = 6) throws -> Finetune {
        let pass: [String: HyperparameterValue] = ["sparsity": 0.75, "interval": 2, "keep-mask": true]
        return try Finetune(hyperparameters: [
            "epochs": .int(epochs), "batch-size": 32, "keep-best": false,
            "with": [["dynamic-sparse-training": .table(pass.merging(settings) { $1 })]],
        ])
    }

    /// Evci et al. 2020, algorithm 1, by hand: of 4 weights in use 2 go, the two of the largest gradients come.
    @Test func smallWeightsMakeWayForLargeGradients() {
        var connections = Connections(values: [4, -1, 9, 0.5, 9, 3], mask: [1, 1, 0, 1, 0, 1])
        connections.exchange(0.5, byGain: [9, 2, 1, 0, 5, 9])
        // 0.5 and −1 go; place 4 comes anew and begins at 0; −1 has the next gain and goes on.
        #expect(connections.mask == [1, 1, 0, 0, 1, 1])
        #expect(connections.values == [4, -1, 9, 0.5, 0, 3])
    }

    @Test func nothingIsExchangedAtTheEnd() {
        let pass = DynamicSparseTraining()
        #expect(pass.exchange(at: 0) == 0.3 && abs(pass.exchange(at: 0.375) - 0.15) < 1e-12 && pass.exchange(at: 0.75) < 1e-12)
    }

    /// As many weights of each tensor are in use at the end as at the beginning, but others.
    @Test(arguments: ["gradient", "random"]) func masksMoveAndKeepTheirSize(_ growth: String) throws {
        let graph = try TestModels.convolutional()
        let context = try TestModels.context(for: graph)
        let begun = try MagnitudePruning {
            $0.mode = .total; $0.sparsity = 0.75; $0.rule.keepMask = true
        }(graph).graph
        let trained = try finetune(["growth": .string(growth)])(graph, in: context).graph
        let (before, after) = (begun.pruningMasks, trained.pruningMasks)
        #expect(before.map(\.tensor) == after.map(\.tensor) && before.map(\.values.zeroCount) == after.map(\.values.zeroCount))
        #expect(before.map(\.values) != after.map(\.values))
        let still = try finetune(["growth": .string(growth), "exchange": 0])(graph, in: context).graph
        #expect(still.pruningMasks.map(\.values) == before.map(\.values))
    }

    /// What a hook is told of a masked value is the gradient that its weight would have without the mask.
    @Test func gradientsReachWhatMasksHide() throws {
        let graph = try TestModels.perceptron()
        let masked = try MagnitudePruning { $0.sparsity = 0.5; $0.rule.keepMask = true }(graph).graph
        let data = try TestModels.dataset(for: graph, count: 32)
        func gradient(_ model: Graph, of value: ValueName) throws -> [Float] {
            var trainer = try Trainer(model, configuration: TrainingConfiguration(epochs: 1, batchSize: 32, optimizer: .sgd()))
            let recorder = GradientRecorder(value)
            trainer.hooks = [recorder]
            _ = try trainer.train(on: data)
            return try #require(recorder.gradient)
        }
        let hidden = try gradient(masked, of: "fc2.weight.masked")
        let plain = try gradient(masked.foldingMasks(), of: "fc2.weight")
        #expect(zip(hidden, plain).allSatisfy { abs($0 - $1) < 1e-6 })
        let mask = try #require(masked.initializers["fc2.weight.mask"]).floats()
        #expect(mask.indices.contains { mask[$0] == 0 && abs(hidden[$0]) > 1e-4 })
    }

    /// What is not in use is 0 where the layers read it, and folded masks change no output.
    @Test func resultsFold() throws {
        let graph = try TestModels.perceptron()
        let context = try TestModels.context(for: graph)
        let masked = try finetune([:])(graph, in: context).graph
        let folded = try finetune(["keep-mask": false])(graph, in: context).graph
        #expect(folded.maskNodes.isEmpty && abs(ModelSparsity.sparsity(of: folded) - 0.75) < 0.01)
        #expect(try TestModels.largestDifference(masked, folded) == 0)
    }

    @Test func aStoppedRunContinuesToTheSameBytes() throws {
        let graph = try TestModels.perceptron()
        let whole = try finetune([:])(graph, in: TestModels.context(for: graph)).graph
        let store = MemoryCheckpointStore()
        let cancellation = Cancellation()
        var stopped = try TestModels.context(for: graph)
        (stopped.cancellation, stopped.state) = (cancellation, RunState(in: store))
        stopped.progress = { event in if event.completed > 14 { cancellation.cancel() } }
        #expect(throws: WinnowError.self) { try finetune([:])(graph, in: stopped) }
        var again = try TestModels.context(for: graph)
        again.state = RunState(in: store)
        let continued = try finetune([:])(graph, in: again).graph
        #expect(continued.text == whole.text && continued.initializers == whole.initializers)
    }

    @Test func weightsThatGoTogetherAreRefused() throws {
        let graph = try TestModels.perceptron()
        for settings in [["pattern": "2:4"], ["rules": [["weights": "fc1*", "pattern": "1x4"]]]]
            as [[String: HyperparameterValue]]
        {
            let error = #expect(throws: WinnowError.self) { try finetune(settings)(graph, in: TestModels.context(for: graph)) }
            #expect(error?.description.contains("exchanged one by one") == true)
        }
    }
}

/// Keeps the gradient of a value in the last step.
private final class GradientRecorder: TrainingHook {
    let gradients: [ValueName]
    private(set) var gradient: [Float]?

    init(_ value: ValueName) { gradients = [value] }

    func step(_ moment: inout TrainingMoment) throws { gradient = moment.gradient(of: gradients[0]) }
}

/// Masks found anew among all weights, which train on beneath them.
struct RegrowingTests {
    private func trained(
        _ settings: [String: HyperparameterValue], _ graph: Graph, learningRate: Double = 0.02
    ) throws -> Graph {
        let pass: [String: HyperparameterValue] = ["sparsity": 0.75, "interval": 1, "keep-mask": true]
        let finetune = try Finetune(hyperparameters: [
            "epochs": 4, "batch-size": 32, "learning-rate": .number(learningRate), "keep-best": false,
            "with": [["gradual-pruning": .table(pass.merging(settings) { $1 })]],
        ])
        return try finetune(graph, in: TestModels.context(for: graph)).graph
    }

    /// Masks set once: what lies beneath them trains on, or stays to the bit.
    @Test(arguments: [true, false]) func weightsBeneathMasksTrainOn(_ regrow: Bool) throws {
        let graph = try TestModels.perceptron()
        let result = try trained(["begin": 0, "end": 0, "regrow": .bool(regrow)], graph)
        for mask in result.pruningMasks {
            let (old, new) = (
                try #require(graph.initializers[mask.tensor]).floats(), try #require(result.initializers[mask.tensor]).floats()
            )
            let beneath = mask.values.floats().enumerated().filter { $0.element == 0 }.map(\.offset)
            #expect(!beneath.isEmpty && beneath.contains { old[$0] != new[$0] } == regrow, "\(mask.tensor)")
        }
    }

    /// Changed until the end, masks are those of the weights at the end, whatever was pruned on the way.
    @Test func masksAreOfThePresentWeights() throws {
        let graph = try TestModels.perceptron()
        let result = try trained(["end": 1, "regrow": true], graph, learningRate: 0.2)
        let again = try MagnitudePruning {
            $0.mode = .total; $0.sparsity = 0.75; $0.rule.scope = .global; $0.rule.keepMask = true
        }(
            result.droppingMasks()
        ).graph
        #expect(result.pruningMasks.map(\.values) == again.pruningMasks.map(\.values))
        let kept = try trained(["end": 1], graph, learningRate: 0.2)
        #expect(kept.pruningMasks.map(\.values) != result.pruningMasks.map(\.values))
    }
}
