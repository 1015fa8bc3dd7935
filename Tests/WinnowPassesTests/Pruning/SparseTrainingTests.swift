import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTraining
@testable import WinnowPasses

struct SparseTrainingTests {
    private func pass(_ change: (inout SparseTraining) -> Void) -> SparseTraining { SparseTraining { change(&$0) } }

    /// The gradient of what a pass adds to a loss that is 0·mean of the output.
    private func addedGradient(_ pass: SparseTraining, of tensor: ValueName, in graph: Graph) throws -> [Float] {
        var setup = TrainingSetup(graph)
        setup.objective = try Objective(of: graph) { b in
            try b.multiply(b.add(ReduceMean(keepsAxes: false), graph.outputs[0]), by: 0)
        }
        try pass.extendObjective(&setup, in: PassContext())
        let training = try TrainingGraph(#require(setup.objective))
        let data = try TestModels.dataset(for: graph, count: 4).features[0]
        let outputs = try Session(training.graph).run([data.name: data.tensor])
        let gradient = try #require(training.gradients[tensor])
        return try #require(outputs[gradient]).floats()
    }

    @Test func penaltiesHaveTheirGradients() throws {
        let graph = try TestModels.residual()
        let scales = try #require(graph.initializers["stem.norm.scale"]).floats()
        let l1 = try addedGradient(pass { $0.strength = 0.5 }, of: "stem.norm.scale", in: graph)
        #expect(zip(l1, scales).allSatisfy { abs($0 - ($1 > 0 ? 0.5 : -0.5)) < 1e-6 })
        let l2 = try addedGradient(
            pass {
                $0.strength = 0.5; $0.penalty = .l2
            }, of: "stem.norm.scale", in: graph)
        #expect(zip(l2, scales).allSatisfy { abs($0 - 0.5 * $1) < 1e-6 })
        let weights = try #require(graph.initializers["block.conv1.weight"])
        let lasso = try addedGradient(
            pass {
                $0.strength = 2; $0.penalty = .groupLasso; $0.of = .weights
            }, of: "block.conv1.weight", in: graph)
        let values = weights.floats()
        for channel in 0..<12 {
            let own = values[(channel * 72)..<(channel * 72 + 72)]
            let norm = own.reduce(0) { $0 + $1 * $1 }.squareRoot()
            for index in own.indices { #expect(abs(lasso[index] - 2 * values[index] / norm) < 1e-4) }
        }
    }

    /// EasyPruner's MaskL1: only the smallest channels of all scales together.
    @Test func onlyTheSmallestAreDrawn() throws {
        let graph = try TestModels.residual()
        let names = ["stem.norm.scale", "block.conv1.norm.scale", "block.conv2.norm.scale", "depthwise.norm.scale"]
        let all = names.flatMap { graph.initializers[$0]?.magnitudes ?? [] }
        let limit = all.sorted()[all.count / 4 - 1]
        for name in names {
            let gradient = try addedGradient(
                pass {
                    $0.strength = 1; $0.sparsity = 0.25
                }, of: name, in: graph)
            let scales = try #require(graph.initializers[name]).magnitudes
            #expect(zip(gradient, scales).allSatisfy { ($0 != 0) == ($1 <= limit) })
        }
    }

    private func finetuned(_ passes: [any TrainingPass], _ graph: Graph, in context: PassContext? = nil) throws -> PassResult {
        var finetune = Finetune(carrying: passes)
        (finetune.epochs, finetune.batchSize, finetune.learningRate, finetune.keepBest) = (5, 32, 0.01, false)
        return try finetune(graph, in: context ?? TestModels.context(for: graph))
    }

    private func mean(_ graph: Graph, _ name: String) throws -> Float {
        let values = try #require(graph.initializers[name]).magnitudes
        return values.reduce(0, +) / Float(values.count)
    }

    @Test func scalesShrink() throws {
        let graph = try TestModels.residual()
        let (plain, sparse) = (try finetuned([], graph).graph, try finetuned([pass { $0.strength = 0.1 }], graph).graph)
        for name in ["stem.norm.scale", "block.conv1.norm.scale"] { #expect(try mean(sparse, name) < mean(plain, name)) }
    }

    /// GradDecay: scales and shifts are exactly zero when it is over, and what the channels gave is gone.
    @Test func channelsFadeToZero() throws {
        let graph = try TestModels.residual()
        let result = try finetuned(
            [
                pass {
                    $0.sparsity = 0.25; $0.fade = 0.8
                }
            ], graph)
        let names = ["stem.norm", "block.conv1.norm", "block.conv2.norm", "depthwise.norm"]
        let (scales, shifts) = (
            names.map { result.graph.initializers["\($0).scale"] }, names.map { result.graph.initializers["\($0).shift"] }
        )
        #expect(scales.reduce(0) { $0 + ($1?.zeroCount ?? 0) } == 9 && shifts.reduce(0) { $0 + ($1?.zeroCount ?? 0) } == 9)
        for (scale, shift) in zip(scales, shifts) {
            #expect(zip(scale?.floats() ?? [], shift?.floats() ?? []).allSatisfy { ($0 == 0) == ($1 == 0) })
        }
        #expect(result.findings.contains { $0.subject == "stem.norm.scale" && $0.quantity == .smallChannels })
    }

    @Test func modelsWithoutScalesSaySo() throws {
        let findings = try finetuned([SparseTraining()], TestModels.perceptron()).findings
        #expect(findings.contains { $0.subject == "graph" && $0.status == .skipped && $0.reason.contains("of: weights") })
    }

    @Test func fadingNeedsToKnowWhat() throws {
        let error = #expect(throws: WinnowError.self) { try finetuned([pass { $0.fade = 0.5 }], TestModels.residual()) }
        #expect(error?.description.contains("fade") == true && error?.remedy.contains("sparsity") == true)
    }
}
