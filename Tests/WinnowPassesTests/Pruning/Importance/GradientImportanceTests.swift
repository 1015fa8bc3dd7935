import Foundation
import Testing
import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor
import WinnowTraining
@testable import WinnowPasses

/// Scores that follow from the gradients of a loss.
struct GradientImportanceTests {
    private static let weights = ["fc1.weight", "fc2.weight", "fc3.weight"]

    private static func targets(_ graph: Graph) throws -> [WeightTarget] {
        try WeightTargets(graph, Selection(in: graph)) { _ in nil }.targets
    }

    /// −log softmax of the label's class, for each sample.
    private static func losses(_ graph: Graph, _ data: Dataset) throws -> [Double] {
        let labels = try #require(data.labels)
        return try zip(TestModels.predictions(of: graph, on: data.features[0].tensor), labels).map { scores, label in
            let largest = Double(scores.max() ?? 0)
            return log(scores.reduce(0) { $0 + exp(Double($1) - largest) }) + largest - Double(scores[label])
        }
    }

    private static func moved(_ graph: Graph, _ name: String, _ index: Int, by step: Float) throws -> Graph {
        let stored = try #require(graph.initializers[name])
        var numbers = stored.floats()
        numbers[index] += step
        return try graph.settingInitializers([name: Tensor(numbers, shape: stored.shape)])
    }

    /// What each sample's loss gains per step of one number.
    private static func differences(_ graph: Graph, _ name: String, _ index: Int, _ data: Dataset) throws -> [Double] {
        let (up, down) = (try moved(graph, name, index, by: 2e-3), try moved(graph, name, index, by: -2e-3))
        return zip(try losses(up, data), try losses(down, data)).map { ($0 - $1) / 4e-3 }
    }

    /// Means and mean squares of each sample's gradient are those of finite differences.
    @Test func momentsAreThoseOfFiniteDifferences() throws {
        let graph = try TestModels.perceptron()
        let data = try TestModels.dataset(for: graph, count: 24)
        let moments = try LossGradients.moments(of: Self.targets(graph), in: graph, PassContext(calibration: data))
        for name in Self.weights {
            let own = try #require(moments[name])
            #expect(own.count == 24)
            for index in stride(from: 0, to: own.sums.count, by: 11) {
                let gradients = try Self.differences(graph, name, index, data)
                let (mean, square) = (gradients.reduce(0, +) / 24, gradients.reduce(0) { $0 + $1 * $1 } / 24)
                #expect(abs(Double(own.means[index]) - mean) < 0.01 * (1 + abs(mean)), "\(name) \(index)")
                #expect(abs(Double(own.meanSquares[index]) - square) < 0.02 * (1 + square), "\(name) \(index)")
            }
        }
    }

    /// The scores are those of the formulas; movement's keep the order of −Σ w·g, signs and all.
    @Test func scoresFollowFromMoments() throws {
        let graph = try TestModels.perceptron()
        let context = PassContext(calibration: try TestModels.dataset(for: graph, count: 24))
        let targets = try Self.targets(graph)
        let moments = try #require(LossGradients.moments(of: targets, in: graph, context)["fc2.weight"])
        let weight = try #require(targets.first { $0.tensor == "fc2.weight" }.flatMap { MaskedWeight($0, in: graph) })
        func scores(_ importance: some ElementImportance) throws -> [Float] {
            var importance = importance
            try importance.prepare(for: targets, scores: nil, in: graph, context)
            return try #require(importance.scores(of: weight))
        }
        let numbers = weight.values.floats()
        let (taylor, fisher) = (try scores(TaylorImportance()), try scores(FisherImportance()))
        let movement = try scores(MovementImportance())
        for index in numbers.indices {
            #expect(abs(taylor[index] - abs(numbers[index] * moments.sums[index] / 24)) <= 1e-6)
            #expect(abs(fisher[index] - numbers[index] * numbers[index] * moments.squares[index] / 48) <= 1e-6)
        }
        let signed = zip(numbers, moments.sums).map { -$0 * $1 }
        #expect(signed.contains { $0 < 0 } && signed.contains { $0 > 0 } && movement.allSatisfy { $0 >= 0 })
        #expect(signed.indices.sorted { signed[$0] < signed[$1] } == movement.indices.sorted { movement[$0] < movement[$1] })
    }

    /// Without labels gradients are not 0: of class scores behind a Softmax, and of numbers.
    @Test func withoutLabelsGradientsAreNotZero() throws {
        for graph in [try TestModels.products(), try Zoo.twoHeads(), try Zoo.conv3d()] {
            let context = try Zoo.context(for: graph)
            let moments = try LossGradients.moments(of: Self.targets(graph), in: graph, context)
            #expect(!moments.isEmpty)
            for (name, own) in moments {
                #expect(own.squares.contains { $0 > 0 } && own.squares.allSatisfy(\.isFinite), "\(graph.name) \(name)")
            }
        }
    }

    /// A batch normalization is that of inference, whose statistics do not follow from one sample.
    @Test func normalizationsStayAsTheyAre() throws {
        let graph = try TestModels.residual()
        let context = try TestModels.context(for: graph)
        let moments = try #require(LossGradients.moments(of: Self.targets(graph), in: graph, context)["stem.weight"])
        let data = try #require(context.calibration)
        let index = 20
        let mean = try Self.differences(graph, "stem.weight", index, data).reduce(0, +) / Double(data.count)
        #expect(abs(Double(moments.means[index]) - mean) < 0.02 * (1 + abs(mean)))
    }

    @Test func ownObjectivesCount() throws {
        let graph = try TestModels.perceptron()
        var context = try TestModels.context(for: graph)
        context.objective = { model in
            try Objective(of: model) { b in
                try b.add("ReduceMean", b.add("Mul", model.outputs[0], model.outputs[0]), attributes: ["keepdims": 0])
            }
        }
        let own = try #require(LossGradients.moments(of: Self.targets(graph), in: graph, context)["fc3.weight"])
        context.objective = nil
        let labelled = try #require(LossGradients.moments(of: Self.targets(graph), in: graph, context)["fc3.weight"])
        #expect(own.sums != labelled.sums)
    }

    /// Where a loss cannot be differentiated, one sentence says through what.
    @Test func whatHasNoGradientIsRefused() throws {
        let graph = try Zoo.loop()
        let pass = try MagnitudePruning(hyperparameters: ["importance": "fisher"])
        let error = #expect(throws: WinnowError.self) { try pass(graph, in: Zoo.context(for: graph)) }
        let text = error?.description ?? ""
        #expect(text.contains("choose an importance that needs no gradients"), "\(text)")
    }

    /// What second derivatives call needless costs the loss less than what is small.
    @Test func fisherKeepsTheLoss() throws {
        let graph = try TestModels.perceptron()
        let context = PassContext(calibration: try TestModels.dataset(for: graph, count: 256))
        func loss(_ importance: String) throws -> Double {
            let pass = try MagnitudePruning(hyperparameters: [
                "importance": .string(importance), "sparsity": 0.5, "scope": "global",
            ])
            let losses = try Self.losses(pass(graph, in: context).graph, #require(context.calibration))
            return losses.reduce(0, +) / Double(losses.count)
        }
        #expect(try loss("fisher") < loss("magnitude"))
        #expect(try loss("fisher") < loss("random"))
    }
}
