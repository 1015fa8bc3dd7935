import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import Winnow

/// Labels that may be classes of places or texts: what a recipe's losses take them for, they are to all of its steps.
@Suite struct TextLabelTests {
    private func model() throws -> Model {
        let b = GraphBuilder("texts")
        let x = try b.input("x", .float32, ["N", 6, 8])
        let weight = Tensor((0..<40).map { Float($0 * 7 % 11) / 9 - 0.5 }, shape: [8, 5])
        return Model(try b.graph(outputs: [b.add(MatMul(), x, b.constant("w", weight), name: "scores")]))
    }

    /// Three letters a sample, filled up to as many as there are times.
    private func data() throws -> DataSplits {
        var random = RandomGenerator(seed: 5)
        let inputs = Tensor((0..<40 * 48).map { _ in random.normal() }, shape: [40, 6, 8])
        let letters = Tensor((0..<240).map { $0 % 6 < 3 ? Int64(1 + $0 % 4) : -1 }, shape: [40, 6])
        let data = try Dataset([.init(name: "x", inputs), .init(name: "labels", letters)])
        return DataSplits(training: data.subset(0..<20), validation: data.subset(20..<30), test: data.subset(30..<40))
    }

    private func measured(_ steps: String) throws -> (top1: [Double?], note: String?) {
        let recipe = try Recipe(yaml: "version: 1\nsteps:\n\(steps)")
        var pipeline = Pipeline(recipe, data: try data())
        pipeline.judgesSteps = true
        let result = try pipeline.run(on: model())
        let own = try Measuring(data: data().taken(by: recipe))([("original", model()), ("output", result.model)], name: "texts", histograms: false)
        return (result.steps.map { $0.result?.validationTop1 } + own.map(\.top1), own[0].notes?.first { $0.contains("labels") })
    }

    @Test func aLossOfTextsTellsWhatLabelsAre() throws {
        let pruning = "  - magnitude-pruning: { sparsity: 0.3 }\n"
        let texts = try measured(pruning + "  - finetune: { epochs: 1, objective: [ctc] }\n")
        #expect(texts.top1 == [nil, nil, nil, nil] && texts.note?.contains("labels are int64 [6] a sample, texts") == true)
        let within = try measured("  - iterative-pruning: { sparsities: [0.3], max-drop: 100, finetune: { epochs: 1, objective: [ctc] } }\n")
        #expect(within.top1 == [nil, nil, nil])
        let places = try measured(pruning + "  - finetune: { epochs: 1 }\n")
        #expect(places.top1.allSatisfy { $0 != nil })
        #expect(places.note == "top-1: labels, int64 [6] a sample, are taken for classes of places, along axis 2 of output scores")
    }
}
