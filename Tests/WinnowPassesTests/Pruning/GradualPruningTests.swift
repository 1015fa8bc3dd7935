import Testing
import WinnowEngine
import WinnowGraph
import WinnowTensor
import WinnowTraining
@testable import WinnowPasses

struct GradualPruningTests {
    @Test(arguments: ["global", "tensor", "layer-adaptive"])
    func reachesItsTarget(_ scope: String) throws {
        let graph = try TestModels.perceptron()
        let pass: HyperparameterValue = ["gradual-pruning": ["sparsity": 0.75, "interval": 2, "scope": .string(scope)]]
        let finetune = try Finetune(hyperparameters: ["epochs": 4, "batch-size": 32, "with": [pass]])
        let result = try finetune(graph, in: TestModels.context(for: graph)).graph
        #expect(abs(ModelSparsity.sparsity(of: result) - 0.75) < 0.01)
        #expect(result.maskNodes.isEmpty)
    }

    /// PaddleSlim's GMP: after step i of S, ((i/S − 1)³ + 1)·target of all weights are gone, to the weight.
    @Test func countsFollowTheSchedule() throws {
        let graph = try TestModels.perceptron()
        let context = try TestModels.context(for: graph)
        let pass: HyperparameterValue = ["gradual-pruning": ["sparsity": 0.8, "interval": 3, "begin": 0, "end": 1]]
        let finetune = try Finetune(hyperparameters: ["epochs": 2, "batch-size": 32, "with": [pass]])
        var (trainer, _) = try finetune.trainer(of: graph, original: graph, in: context)
        let recorder = MaskRecorder(trainer.model.maskNodes.map(\.mask))
        trainer.hooks.append(recorder)
        _ = try trainer.train(on: context.trainingSource(for: trainer.model))
        #expect(recorder.zeroCounts.count == 13)
        for (step, count) in recorder.zeroCounts.enumerated() {
            let part = Double(step / 3 * 3) / 12 - 1
            #expect(count == Int(((part * part * part + 1) * 0.8 * 352).rounded(.toNearestOrEven)), "step \(step)")
        }
    }

    /// PaddleSlim recomputes masks from weights that still train, and keeps the threshold itself: round(r·n) − 1 go.
    @Test func recomputedMasksHaveOneWeightFewer() throws {
        let graph = try TestModels.perceptron()
        let context = try TestModels.context(for: graph)
        let pass: HyperparameterValue = [
            "gradual-pruning": ["sparsity": 0.8, "interval": 3, "begin": 0, "end": 1, "regrow": true, "count": "below"]
        ]
        let finetune = try Finetune(hyperparameters: ["epochs": 2, "batch-size": 32, "with": [pass]])
        var (trainer, _) = try finetune.trainer(of: graph, original: graph, in: context)
        let recorder = MaskRecorder(trainer.model.maskNodes.map(\.mask))
        trainer.hooks.append(recorder)
        _ = try trainer.train(on: context.trainingSource(for: trainer.model))
        for (step, count) in recorder.zeroCounts.enumerated() where step >= 3 {
            let part = Double(step / 3 * 3) / 12 - 1
            #expect(count == Int(((part * part * part + 1) * 0.8 * 352).rounded(.toNearestOrEven)) - 1, "step \(step)")
        }
        #expect(throws: WinnowError.self) {
            let alone: HyperparameterValue = ["gradual-pruning": ["count": "below"]]
            _ = try Finetune(hyperparameters: ["epochs": 1, "with": [alone]])(graph, in: context)
        }
    }

    /// What was masked before and is not chosen keeps its mask, to the bit.
    @Test(arguments: ["gradual-pruning", "dynamic-sparse-training", "magnitude-pruning"])
    func masksOfOtherWeightsStay(_ name: String) throws {
        let graph = try TestModels.perceptron()
        let weights = graph.weightSites.map(\.tensor)
        let first = try MagnitudePruning(hyperparameters: ["only": [.string(weights[0])], "keep-mask": true])(graph).graph
        let mask = try #require(first.maskNodes.first?.mask)
        let settings: HyperparameterValue = ["sparsity": 0.5, "only": [.string(weights[1])]]
        let pass: any Pass = try name == "magnitude-pruning"
            ? MagnitudePruning(hyperparameters: ["sparsity": 0.5, "only": [.string(weights[1])]])
            : Finetune(hyperparameters: ["epochs": 1, "batch-size": 32, "with": [.table([name: settings])]])
        let result = try pass(first, in: TestModels.context(for: first)).graph
        #expect(result.maskNodes.map(\.weight) == [weights[0]])
        #expect(result.initializers[mask] == first.initializers[mask])
        #expect(try #require(result.initializers[weights[1]]).sparsity >= 0.4)
    }

    /// Filters under a mask are filters still: patterns find their axes, and the masks go in the end.
    @Test(arguments: ["1x2", "1:2", "2x1"]) func patternsLeaveNoMasks(_ pattern: String) throws {
        let graph = try TestModels.convolutional()
        let settings: HyperparameterValue = ["sparsity": 0.5, "pattern": .string(pattern)]
        let pass = try Finetune(hyperparameters: ["epochs": 1, "batch-size": 32, "with": [.table(["gradual-pruning": settings])]])
        let result = try pass(graph, in: TestModels.context(for: graph)).graph
        #expect(result.maskNodes.isEmpty)
        #expect(try #require(result.initializers["conv2.weight"]).sparsity > 0)
        let masked = try MagnitudePruning(hyperparameters: ["sparsity": 0.5, "pattern": .string(pattern), "keep-mask": true])(graph).graph
        for site in masked.weightSites where site.mask != nil {
            let own = try #require(Contraction(site, in: masked))
            let plain = try #require(graph.weightSites.first { $0.tensor == site.tensor }.flatMap { Contraction($0, in: graph) })
            #expect(own.places == plain.places)
        }
    }

    @Test func takesPartWithQuantizationAndATeacher() throws {
        let graph = try TestModels.perceptron()
        let finetune = try Finetune(hyperparameters: [
            "epochs": 2, "batch-size": 32,
            "with": [
                ["gradual-pruning": ["sparsity": 0.5]], ["quantization-aware-training": [:]],
                ["distillation": ["temperature": 2]],
            ],
        ])
        let result = try finetune(graph, in: TestModels.context(for: graph)).graph
        let codes = try #require(result.initializers["fc1.weight.codes"])
        #expect(codes.elementType == .int8 && codes.integers().count { $0 == 0 } >= 60)
    }
}

/// Counts what masks hold at zero after each step.
private final class MaskRecorder: TrainingHook {
    private let masks: [ValueName]
    private(set) var zeroCounts: [Int] = []

    init(_ masks: [ValueName]) { self.masks = masks }

    func step(_ moment: inout TrainingMoment) throws {
        zeroCounts.append(masks.reduce(0) { $0 + (moment.variables[$1]?.zeroCount ?? 0) })
    }
}
