import Testing
import WinnowGraph
import WinnowTensor
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
