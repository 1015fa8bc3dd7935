import Testing
import WinnowGraph
import WinnowTensor
@testable import WinnowPasses

/// Other sparsities and patterns for some layers.
struct LayerRuleTests {
    private let rules: HyperparameterValue = [
        ["weights": "fc3*", "sparsity": 0.25], ["weights": ["fc1*", "fc2*"], "pattern": "1x4", "sparsity": 0.5],
    ]

    private func zeros(_ graph: Graph, _ name: String) -> Int { graph.initializers[name]?.floats().count { $0 == 0 } ?? -1 }

    @Test func weightsFollowTheirRule() throws {
        let graph = try TestModels.perceptron()
        let result = try MagnitudePruning(hyperparameters: ["sparsity": 0.9, "rules": rules, "scope": "global"])(graph).graph
        #expect(zeros(result, "fc3.weight") == 8 && zeros(result, "fc2.weight") == 64 && zeros(result, "fc1.weight") == 96)
        let values = try #require(result.initializers["fc1.weight"]).floats()
        for start in stride(from: 0, to: values.count, by: 4) {
            #expect(Set(values[start..<(start + 4)].map { $0 == 0 }).count == 1)
        }
    }

    @Test func theOthersAreComparedWithEachOther() throws {
        let graph = try TestModels.perceptron()
        let result = try MagnitudePruning(hyperparameters: [
            "sparsity": 0.5, "scope": "global", "rules": [["weights": "fc3*", "sparsity": 0]],
        ])(graph).graph
        #expect(zeros(result, "fc3.weight") == 0 && zeros(result, "fc1.weight") + zeros(result, "fc2.weight") == 160)
    }

    /// During a schedule a weight of its own has the part of its sparsity that the others have of theirs.
    @Test func schedulesReachEachRule() throws {
        let graph = try TestModels.perceptron()
        let context = try TestModels.context(for: graph)
        let gradual = try Finetune(hyperparameters: [
            "epochs": 4, "batch-size": 32, "with": [["gradual-pruning": ["sparsity": 0.8, "interval": 2, "rules": rules]]],
        ])
        let iterative = try IterativePruning(hyperparameters: [
            "sparsities": [0.4, 0.8], "max-drop": 100, "rules": rules, "finetune": ["epochs": 1],
        ])
        for result in [try gradual(graph, in: context).graph, try iterative(graph, in: context).graph] {
            #expect(zeros(result, "fc3.weight") == 8 && zeros(result, "fc2.weight") == 64 && zeros(result, "fc1.weight") == 96)
        }
        let half = LayerRule("fc3*", sparsity: 0.5).settings.budget(in: .total(0.4), reach: 0.5)
        #expect(half == .total(0.25))
    }

    @Test func rulesAreReadBack() throws {
        let pass = try MagnitudePruning(hyperparameters: ["rules": rules])
        #expect(
            pass.rule.rules == [
                LayerRule("fc3*", sparsity: 0.25),
                LayerRule("fc1*", "fc2*", sparsity: 0.5, pattern: .blocks(outputs: 1, inputs: 4)),
            ])
        #expect(try MagnitudePruning(hyperparameters: pass.hyperparameters).rule.rules == pass.rule.rules)
        let swift = MagnitudePruning { $0.rule.rules = [LayerRule("fc3*", sparsity: 1.5)] }
        #expect(throws: WinnowError.self) { try swift(TestModels.perceptron()) }
    }

    @Test(
        arguments: [
            [["weights": "fc1*"]], [["sparsity": 0.5]], [["weights": "fc1*", "sparsity": "much"]],
            [["weights": "fc1*", "pattern": "4:2"]],
            [["weights": "fc1*", "sparsety": 0.5]], [["weights": "fc1*", "sparsity": 2]], ["fc1*"],
        ] as [HyperparameterValue]) func whatIsNoRuleIsRefused(_ rules: HyperparameterValue)
    {
        #expect(throws: WinnowError.self) { try MagnitudePruning(hyperparameters: ["rules": rules]) }
    }

    @Test func globsMatchSomething() throws {
        let error = #expect(throws: WinnowError.self) {
            try MagnitudePruning(hyperparameters: ["rules": [["weights": "fc9*", "sparsity": 0.5]]])(TestModels.perceptron())
        }
        #expect(error?.description.contains("fc9*") == true)
    }

    /// Of two blocks the mean of absolute values and the largest may disagree.
    @Test func normsOfBlocksDiffer() throws {
        let graph = try TestModels.perceptron()
        func result(_ norm: String) throws -> [Float] {
            let pass = try MagnitudePruning(hyperparameters: [
                "pattern": "1x4", "block-norm": .string(norm), "only": ["fc1.weight"],
            ])
            return try #require(pass(graph).graph.initializers["fc1.weight"]).floats()
        }
        #expect(try result("mean") == result("l1") && result("l1") != result("linf") && result("l2") != result("linf"))
        let values = try #require(graph.initializers["fc1.weight"]).magnitudes
        let largest = stride(from: 0, to: values.count, by: 4).map { values[$0..<($0 + 4)].max() ?? 0 }
        let pruned = try result("linf")
        let gone = stride(from: 0, to: values.count, by: 4).filter { pruned[$0] == 0 }.map { $0 / 4 }
        #expect(Set(gone) == Set(largest.indices.sorted { largest[$0] < largest[$1] }.prefix(24)))
    }
}
