import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowPasses
import WinnowReport
import WinnowTensor
@testable import Winnow

/// Measures of one's own stand wherever top-1 does.
@Suite struct JudgeTests {
    /// The mean of the largest output of a sample.
    private struct Confidence: Metric {
        static let name = "confidence"
        private var sum = 0.0
        private var count = 0

        static func objection(to place: MetricPlace) -> String? { place.isScores ? nil : "\(place.output) is no scores" }

        mutating func add(_ batch: MetricBatch) {
            for sample in 0..<batch.sampleCount { sum += batch.values(of: sample).max() ?? 0 }
            count += batch.sampleCount
        }

        var value: Double { sum / Double(max(1, count)) }
    }

    private func model() throws -> Model { Model(try Architecture.named("mlp").makeGraph(seed: 1, widths: [4, 8, 3])) }

    private func samples(count: Int = 100) throws -> Dataset {
        var random = RandomGenerator(seed: 3)
        let inputs = Tensor((0..<count * 4).map { _ in random.normal() }, shape: [count, 4])
        return try Dataset([.init(name: "input", inputs)], labels: (0..<count).map { $0 % 3 })
    }

    /// How many weights are not zero.
    private let density = Judge("density", unit: "%") { model, _ in
        let weights = try model.applying(FoldMasks()).model.parameters.filter { $0.value.rank == 2 }.flatMap { $0.value.floats() }
        return Double(weights.count { $0 != 0 }) / Double(weights.count)
    }

    @Test func aMetricGathersItsBatches() throws {
        let (model, data) = (try model(), try samples())
        let result = try model.evaluated(on: data, by: Judge(Confidence.self))
        let scores = try #require(try model.run(["input": data.features[0].tensor])["logits"]).floats()
        let expected = stride(from: 0, to: 300, by: 3).map { Double(scores[$0..<($0 + 3)].max() ?? 0) }.reduce(0, +) / 100
        #expect(abs((result.value ?? 0) - expected) < 1e-5)
        #expect(result.output == "logits" && "\(result)".hasPrefix("logits: confidence "))
    }

    @Test func aMetricThatHasNothingToSaySaysWhy() throws {
        let single = Model(try Architecture.named("mlp").makeGraph(widths: [4, 1]))
        let error = #expect(throws: WinnowError.self) { try single.evaluated(on: samples(), by: Judge(Confidence.self)) }
        #expect(error?.description.contains("no scores") == true)
    }

    @Test func reportsAndComparisonsListIt() throws {
        let model = try model()
        let pruned = try model.applying(MagnitudePruning { $0.sparsity = 0.5 }).model
        let data = DataSplits(test: try samples())
        var options = MeasuringOptions()
        options.judges = [density, Judge(Confidence.self)]
        let measured = try [Model].measured([("dense", model), ("pruned", pruned)], on: data, options: options)
        #expect(measured[0].metrics?.map(\.metric) == ["density", "confidence"])
        #expect(measured.map { $0.metrics?[0].value } == [1, 0.5])
        #expect(measured[1].metrics?[0].description == "density 50.00 %" && measured[1].metrics?[0].output == "model")
        #expect("\(Report(title: "density", comparing: measured))".contains("pruned: density 50.00 %"))
        let comparison = try Comparison(model, pruned, data: data, options: options)
        #expect("\(comparison)".contains(": density 50.00 %") && comparison.models[1].top1 != nil)
    }

    /// Inputs of other names are taken by their places, with labels and without.
    @Test(arguments: [true, false]) func inputsMayBeCalledOtherwise(hasLabels: Bool) throws {
        func model(_ name: String) throws -> Model {
            let b = GraphBuilder(name)
            let weight = b.constant("w", Tensor((0..<12).map { Float($0 * 7 % 12) - 5 }, shape: [4, 3]))
            return Model(try b.graph(outputs: [b.add(MatMul(), b.input(name, .float32, ["N", 4]), weight)]))
        }
        let (first, second) = (try model("input"), try model("audio"))
        let own = try samples()
        let samples = try Dataset(own.features, labels: hasLabels ? own.labels : nil)
        let measured = try [Model].measured([("a", first), ("b", second)], on: DataSplits(validation: samples, test: samples))
        #expect((measured[0].top1 != nil) == hasLabels && measured[1].top1 == measured[0].top1 && measured[1].validationTop1 == measured[0].validationTop1)
        let comparison = try Comparison(first, second, data: DataSplits(test: samples))
        #expect(comparison.outputs[0].agreement == 1 && comparison.models[1].top1 == comparison.models[0].top1)
    }

    /// Iterative pruning stops where it falls out of its bound, whichever way is better.
    @Test(arguments: [true, false]) func iterativePruningKeepsItWithinItsBound(isHigherBetter: Bool) throws {
        let density = density
        let judge = Judge("own", isHigherBetter: isHigherBetter) { model, data in
            let value = try model.evaluated(on: data, by: density).value ?? 0
            return isHigherBetter ? value : 1 - value
        }
        var pipeline = Pipeline(
            Recipe { IterativePruning { $0.sparsities = [0.25, 0.5, 0.75]; $0.maxDrop = 60; $0.finetune.epochs = 0 } },
            data: DataSplits(training: try samples(), validation: try samples()))
        pipeline.judge = judge
        let result = try pipeline.run(on: model())
        #expect(try result.model.evaluated(on: samples(), by: density).value == 0.5)
        let rounds = result.findings.filter { $0.quantity == .validation("own") }
        #expect(rounds.map { $0.after } == (isHigherBetter ? [1, 0.75, 0.5, 0.25] : [0, 0.25, 0.5, 0.75]))
    }
}
