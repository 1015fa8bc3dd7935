import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

struct SparsityPatternTests {
    private func pruned(_ graph: Graph, _ settings: [String: HyperparameterValue]) throws -> PassResult {
        let result = try MagnitudePruning(hyperparameters: settings)(graph, in: TestModels.context(for: graph))
        try WrittenModels.keep(result.graph, "passes", "magnitude-pruning \(settings["pattern"] ?? "") \(graph.name)")
        return result
    }

    @Test(arguments: ["unstructured", "2:4", "1:16", "1x4", "16x1"]) func namesAreReadBack(text: String) throws {
        let pattern = try #require(SparsityPattern(.string(text)))
        #expect(pattern.description == text)
    }

    @Test(arguments: ["4:2", "2:2", "0:4", "x4", "2x", "2:4:8", "-1x2", "some"]) func othersAreRefused(text: String) {
        #expect(SparsityPattern(.string(text)) == nil)
        let error = #expect(throws: WinnowError.self) { try MagnitudePruning(hyperparameters: ["pattern": .string(text)]) }
        #expect(error.map { "\($0)".contains("N:M with N < M") } == true)
    }

    /// Of every four inputs of an output the two largest stay, whatever the sparsity asked for.
    @Test(arguments: ["magnitude", "wanda"]) func twoOfFour(importance: String) throws {
        let graph = try TestModels.perceptron()
        let result = try pruned(graph, ["pattern": "2:4", "sparsity": 0.9, "importance": .string(importance)]).graph
        for name in ["fc1.weight", "fc2.weight", "fc3.weight"] {
            let (old, new) = (try #require(graph.initializers[name]).floats(), try #require(result.initializers[name]).floats())
            for start in stride(from: 0, to: new.count, by: 4) {
                let kept = (start..<(start + 4)).filter { new[$0] != 0 }
                #expect(kept.count == 2)
                guard importance == "magnitude" else { continue }
                let gone = Set(start..<(start + 4)).subtracting(kept)
                #expect(kept.allSatisfy { index in gone.allSatisfy { abs(old[index]) >= abs(old[$0]) } })
            }
        }
    }

    /// Along the input channels of each tap; layers of other widths and groups are named.
    @Test func convolutionsAlongChannels() throws {
        let graph = try TestModels.residual()
        let result = try pruned(graph, ["pattern": "2:4"])
        let weight = try #require(result.graph.initializers["block.conv1.weight"])
        let (inputs, taps) = (weight.shape[1], weight.shape[2] * weight.shape[3])
        let values = weight.floats()
        for output in 0..<weight.shape[0] {
            for tap in 0..<taps {
                for start in stride(from: 0, to: inputs, by: 4) {
                    #expect((start..<(start + 4)).count { values[(output * inputs + $0) * taps + tap] != 0 } == 2)
                }
            }
        }
        let skipped = result.findings.filter { $0.status == .skipped }
        #expect(skipped.contains { $0.reason.contains("no multiple of 4") || $0.reason.contains("does not tell outputs and inputs") })
    }

    /// Wherever weights are pruned, those that the pattern does not fit are named.
    @Test func whatDoesNotFitIsNamed() throws {
        let graph = try TestModels.residual()
        let settings: [String: HyperparameterValue] = ["pattern": "2:4"]
        let passes: [any Pass] = [
            try MagnitudePruning(hyperparameters: settings),
            try Finetune(hyperparameters: ["epochs": 1, "with": [["gradual-pruning": .table(settings)]]]),
            try IterativePruning(hyperparameters: settings.merging(["sparsities": [0.5], "max-drop": 100, "finetune": ["epochs": 1]]) { $1 }),
        ]
        for pass in passes {
            let findings = try pass(graph, in: TestModels.context(for: graph)).findings
            #expect(findings.contains { $0.status == .skipped && $0.reason.contains("inputs") }, "\(type(of: pass))")
        }
    }

    /// Blocks are all there or all gone, and the fraction is of blocks.
    @Test func blocksGoAsOne() throws {
        let graph = try TestModels.perceptron()
        let result = try pruned(graph, ["pattern": "2x4", "sparsity": 0.5]).graph
        let values = try #require(result.initializers["fc1.weight"]).floats()
        var blocks: [[Float]] = []
        for row in stride(from: 0, to: 16, by: 2) {
            for column in stride(from: 0, to: 12, by: 4) {
                blocks.append([row, row + 1].flatMap { line in values[(line * 12 + column)..<(line * 12 + column + 4)] })
            }
        }
        #expect(blocks.allSatisfy { block in block.allSatisfy { $0 == 0 } || block.allSatisfy { $0 != 0 } })
        #expect(blocks.count { $0[0] == 0 } == 12)
    }

    /// What is pruned already counts as gone.
    @Test func twiceIsFurther() throws {
        let graph = try TestModels.perceptron()
        let once = try pruned(graph, ["pattern": "1x4"]).graph
        let twice = try pruned(once, ["pattern": "1x4"]).graph
        func zeros(_ graph: Graph) throws -> Int { try #require(graph.initializers["fc1.weight"]).floats().count { $0 == 0 } }
        #expect(try zeros(once) == 96 && zeros(twice) == 144)
    }

    /// By the mean of magnitudes the block (0.1, 0.1) goes, by the magnitude of the mean (3, −3) does, as in PaddleSlim.
    @Test(arguments: [("mean", [0, 0, 3, -3]), ("signed-mean", [0.1, 0.1, 0, 0])] as [(String, [Float])])
    func signsCancelWhereAskedFor(_ norm: String, _ expected: [Float]) throws {
        let b = GraphBuilder("signs")
        let x = try b.input("x", .float32, ["N", 4])
        let graph = try b.graph(outputs: [b.linear(x, b.constant("w", Tensor([0.1, 0.1, 3, -3] as [Float], shape: [1, 4])))])
        let result = try pruned(graph, ["pattern": "1x2", "sparsity": 0.5, "block-norm": .string(norm)]).graph
        #expect(result.initializers["w"]?.floats() == expected)
    }

    /// A pattern that fits no weight is refused, as globs are that match none; one that fits some is not.
    @Test func aPatternThatFitsNothingIsRefused() throws {
        let graph = try TestModels.perceptron()
        let settings: [String: HyperparameterValue] = ["pattern": "2:5"]
        let passes: [any Pass] = [
            try MagnitudePruning(hyperparameters: settings),
            try Finetune(hyperparameters: ["epochs": 1, "with": [["gradual-pruning": .table(settings)]]]),
            try IterativePruning(hyperparameters: settings.merging(["sparsities": [0.5], "finetune": ["epochs": 1]]) { $1 }),
        ]
        for pass in passes {
            let error = #expect(throws: WinnowError.self) { try pass(graph, in: TestModels.context(for: graph)) }
            let text = error?.description ?? ""
            #expect(error?.kind == .recipe && text.contains("12 inputs are no multiple of 5"), "\(type(of: pass)): \(text)")
        }
        let some = try pruned(graph, ["pattern": "2:3"])
        #expect(some.graph.initializers["fc1.weight"]?.sparsity == 1.0 / 3)
        #expect(some.findings.contains { $0.subject == "fc2.weight" && $0.status == .skipped })
    }
}
