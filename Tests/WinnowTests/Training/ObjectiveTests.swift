import Testing
import WinnowEngine
import WinnowFormats
import WinnowGraph
import WinnowPasses
import WinnowTensor
import WinnowTraining
@testable import Winnow

/// Losses of one's own train models.
@Suite struct ObjectiveTests {
    private let configuration = TrainingConfiguration(epochs: 20, batchSize: 16, learningRate: 0.01, seed: 1)

    private func samples(_ extra: [Dataset.Feature] = [], labels: [Int]? = nil) throws -> Dataset {
        var random = RandomGenerator(seed: 3)
        let inputs = Tensor((0..<64 * 4).map { _ in random.normal() }, shape: [64, 4])
        return try Dataset([.init(name: "input", inputs)] + extra, labels: labels)
    }

    /// The objective that training has by itself, put together by hand, trains the same bytes.
    @Test func theUsualLossByHandIsTheUsualLoss() throws {
        let model = Model(try Architecture.named("mlp").makeGraph(seed: 1, widths: [4, 8, 3]))
        let data = DataSplits(training: try samples(labels: (0..<64).map { $0 % 3 }))
        let objective = try Objective(of: model.graph, labels: "classes") { b in
            try b.add("SoftmaxCrossEntropyLoss", "logits", b.input("classes", .int64, ["N"]), name: "loss")
        }
        let own = try model.trained(configuration, on: data, objective: objective).model
        let usual = try model.trained(configuration, on: data).model
        #expect(own.parameters == usual.parameters)
        #expect(own.parameters != model.parameters)
    }

    /// An array of the data that the model does not read may be what the loss compares with.
    @Test func targetsAreAnArrayOfTheData() throws {
        let model = Model(try Architecture.named("mlp").makeGraph(seed: 1, widths: [4, 16, 1]))
        let inputs = try samples().features[0].tensor.floats()
        let sums = Tensor((0..<64).map { row in inputs[(4 * row)..<(4 * row + 4)].reduce(0, +) }, shape: [64, 1])
        let all = try samples([.init(name: "targets", sums)])
        let data = DataSplits(training: all.subset(0..<48), validation: all.subset(48..<64))
        let objective = try Objective(of: model.graph) { b in
            let distance = try b.add("Abs", b.add("Sub", "logits", b.input("targets", .float32, ["N", 1])))
            return try b.add("ReduceMean", distance, attributes: ["keepdims": 0])
        }
        #expect("\(objective)".hasSuffix("over input, targets"))
        var long = configuration
        long.epochs = 60
        let (trained, history) = try model.trained(long, on: data, objective: objective)
        let losses = history.compactMap(\.validationLoss)
        #expect(losses.count == 60)
        #expect((losses.min() ?? 1) < 0.3 * (losses.first ?? 0))
        #expect(try trained.run(["input": Tensor(zeros: [2, 4])])["logits"]?.shape == [2, 1])
    }

    /// Steps of a recipe that train take it too.
    @Test func recipesTrainOnIt() throws {
        let model = Model(try Architecture.named("mlp").makeGraph(seed: 1, widths: [4, 8, 3]))
        var pipeline = Pipeline(Recipe { Finetune { $0.epochs = 20; $0.learningRate = 0.01 } }, data: DataSplits(training: try samples()))
        // Without labels, outputs are to be small.
        pipeline.objective = { graph in
            try Objective(of: graph) { b in try b.add("ReduceMean", b.add("Mul", "logits", "logits"), attributes: ["keepdims": 0]) }
        }
        let small = try pipeline.run(on: model).model
        let inputs = ["input": try samples().features[0].tensor]
        func size(_ model: Model) throws -> Float { try model.run(inputs)["logits"]?.floats().map { $0 * $0 }.reduce(0, +) ?? 0 }
        #expect(try size(small) < 0.5 * size(model))
    }

    @Test func whatIsNoLossIsRefused() throws {
        let graph = try Architecture.named("mlp").makeGraph(widths: [4, 3])
        let many = #expect(throws: WinnowError.self) { try Objective(of: graph) { _ in "logits" } }
        #expect(many?.description.contains("not one number") == true)
        #expect(throws: WinnowError.self) { try Objective(of: graph) { _ in "nothing" } }
        #expect(throws: WinnowError.self) { try Objective(of: graph) { try $0.add("Smile", "logits") } }
        #expect(throws: WinnowError.self) {
            try Objective(of: graph, labels: "labels") { try $0.add("ReduceMean", "logits", attributes: ["keepdims": 0]) }
        }
        #expect(throws: WinnowError.self) { try Objective(of: graph) { try $0.add("ReduceMean", "logits", attributes: ["keepdim": 0]) } }
    }
}
