import Testing
import WinnowEngine
import WinnowGraph
import WinnowPasses
import WinnowTensor
import WinnowTraining
@testable import Winnow

/// Masks in, training, masks out.
@Suite struct EasyPruneTests {
    private let adam = TrainingConfiguration(epochs: 10, batchSize: 16, learningRate: 0.01, optimizer: .adam(), seed: 1)

    private func scene() throws -> (model: Model, data: DataSplits, weights: [String]) {
        let model = Model(try Architecture.named("mlp").makeGraph(seed: 3, widths: [7, 9, 3]))
        let samples = TorchPruning.tensor([64, 7], start: 3000)
        return (
            model, DataSplits(training: try Dataset([.init(name: "input", samples)], labels: (0..<64).map { $0 % 3 })),
            ["fc1.weight", "fc2.weight"]
        )
    }

    private func zeros(_ model: Model, _ names: [String]) -> Int {
        model.masks.filter { names.contains($0.tensor) }.reduce(0) { $0 + $1.values.zeroCount }
    }

    /// round(s·n) of the n = 63 + 27 weights, whatever s, what was zero before included.
    @Test(arguments: [0, 0.5, 0.35, 0.99, 1]) func theSparsityIsExact(_ sparsity: Double) throws {
        let (model, _, weights) = try scene()
        var pruner = EasyPrune(model, targetSparsity: sparsity)
        try pruner.prune()
        #expect(zeros(pruner.model, weights) == Int((sparsity * 90).rounded(.toNearestOrEven)))
        var half = try EasyPrune(model.applying(MagnitudePruning { $0.sparsity = 0.25 }).model, targetSparsity: 0.5)
        try half.prune()
        #expect(zeros(half.model, weights) == 45)
    }

    @Test func masksSurviveTraining() throws {
        let (model, data, weights) = try scene()
        var pruner = EasyPrune(model, targetSparsity: 0.5)
        try pruner.prune()
        let before = pruner.model.masks.map(\.values)
        pruner.model = try pruner.model.trained(adam, on: data).model
        #expect(pruner.model.masks.map(\.values) == before && pruner.model.parameters != model.parameters)
        let (masked, input) = (pruner.model, ["input": TorchPruning.tensor([8, 7])])
        var dense = pruner
        try pruner.unprune(.makePermanent)
        let (a, b) = (try #require(masked.run(input)["logits"]), try #require(pruner.model.run(input)["logits"]))
        #expect(zip(a.floats(), b.floats()).allSatisfy { $0.bitPattern == $1.bitPattern })
        let permanent = weights.reduce(0) { $0 + (pruner.model.graph.initializers[$1]?.zeroCount ?? 0) }
        #expect(permanent == 45 && pruner.model.masks.isEmpty)
        try dense.unprune(.restoreDense)
        // Beneath the masks the weights are as they were: no gradient reached them.
        for name in weights {
            let (old, new) = (
                try #require(model.graph.initializers[name]).floats(), try #require(dense.model.graph.initializers[name]).floats()
            )
            let mask = try #require(masked.masks.first { $0.tensor == name }).values.floats()
            #expect(mask.indices.allSatisfy { mask[$0] == 1 || old[$0] == new[$0] })
            #expect(new.allSatisfy { $0 != 0 })
        }
    }
}
