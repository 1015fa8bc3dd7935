import Foundation
import Testing
import WinnowEngine
import WinnowFormats
import WinnowGraph
import WinnowOperators
import WinnowPasses
import WinnowTensor
import WinnowTraining
@testable import Winnow

/// What `winnow train` writes says how to get the same bytes again.
@Suite struct TrainedRecipeTests {
    private func model() throws -> Model {
        var graph = try Architecture.named("mlp").makeGraph(seed: 1, widths: [16, 12, 4])
        graph.metadata.producerName = "maker"
        return Model(graph)
    }

    private func data() throws -> DataSplits {
        var random = RandomGenerator(seed: 3)
        let inputs = Tensor((0..<256 * 16).map { _ in random.uniform() }, shape: [256, 16])
        let data = try Dataset([.init(name: "input", inputs)], labels: (0..<256).map { $0 * 7 % 4 })
        return DataSplits(training: data.subset(0..<192), validation: data.subset(192..<256))
    }

    private func written(_ training: ModelTraining) throws -> Data {
        let output = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).onnx").path
        defer { try? FileManager.default.removeItem(atPath: output) }
        _ = try training(model(), output: output, data: data(), source: "data", cancellation: Cancellation()) { _ in }
        return try #require(FileManager.default.contents(atPath: output))
    }

    private func read(_ bytes: Data) throws -> Graph {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).onnx").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try bytes.write(to: URL(fileURLWithPath: path))
        return try Model(reading: path).graph
    }

    private var plain: TrainingConfiguration { TrainingConfiguration(epochs: 2, batchSize: 50, schedule: Schedule(.cosine), seed: 4) }

    private var other: TrainingConfiguration {
        var configuration = TrainingConfiguration(
            epochs: 3, batchSize: 32, learningRate: 0.02, optimizer: .sgd(momentum: 0.8, weightDecay: 1e-3),
            schedule: Schedule(.step, interval: 2), seed: 9)
        configuration.augmentation.changes = [AugmentationChange("noise", by: 0.1)]
        configuration.clipping = GradientClipping(.norm, limit: 1)
        configuration.labelSmoothing = 0.1
        return configuration
    }

    /// Labels of places train too, and the command says what they were taken for.
    @Test func labelsOfPlacesAreSaid() throws {
        let b = GraphBuilder("tokens")
        let weight = Tensor((0..<32).map { Float($0 % 7) / 9 }, shape: [8, 4])
        let scores = try b.add(MatMul(), b.input("x", .float32, ["N", "T", 8]), b.constant("w", weight), name: "scores")
        let model = Model(try b.graph(outputs: [scores]))
        var random = RandomGenerator(seed: 5)
        let inputs = Tensor((0..<60 * 40).map { _ in random.normal() }, shape: [60, 5, 8])
        let labels = Tensor((0..<300).map { $0 % 4 == 3 ? Int64(-100) : Int64($0 % 3) }, shape: [60, 5])
        let data = try Dataset([.init(name: "x", inputs), .init(name: "labels", labels)])
        let splits = DataSplits(training: data.subset(0..<40), validation: data.subset(40..<60))
        let output = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).onnx").path
        defer { try? FileManager.default.removeItem(atPath: output) }
        let summary = try ModelTraining(plain)(model, output: output, data: splits, source: "data", cancellation: Cancellation()) { _ in }
        let words = "labels, int64 [5] a sample, are taken for classes of places, along axis 2 of output scores"
        #expect(summary.labels == words && "\(summary)".hasPrefix("trained on the cross-entropy: \(words)\n\(output): the state"))
        #expect(summary.history.allSatisfy { $0.validationTop1 != nil })
        #expect(try Model(reading: output).graph.initializers["w"] != model.graph.initializers["w"])
        let own = try model.trained(plain, on: splits)
        #expect(own.history.map(\.loss) == summary.history.map(\.loss))
    }

    @Test(arguments: [false, true]) func theRecipeGivesTheSameBytes(_ isOther: Bool) throws {
        var training = ModelTraining(isOther ? other : plain)
        training.arithmetic = isOther ? .exact : .fast
        let bytes = try written(training)
        let properties = try read(bytes).metadata.properties
        #expect(properties["winnow.seed"] == (isOther ? "9" : "4") && properties["winnow.source"] == "maker")
        let text = try #require(properties["winnow.recipe"])
        #expect(text.contains("- finetune: {") && text.contains("arithmetic: exact") == isOther)
        var pipeline = Pipeline(try Recipe(yaml: text), data: try data())
        (pipeline.seed, pipeline.recordsRecipe) = (training.configuration.seed, true)
        let again = try pipeline.run(on: model())
        #expect(try Data(ONNXFile.bytes(again.model.graph)) == bytes)
    }

    /// What no recipe has words for is not said wrongly.
    @Test func whatNoRecipeSaysIsLeftOut() throws {
        var configuration = plain
        configuration.optimizer.beta1 = 0.8
        let properties = try read(written(ModelTraining(configuration))).metadata.properties
        #expect(properties["winnow.recipe"] == nil && properties["winnow.seed"] == "4" && properties["winnow.version"] != nil)
    }
}
