import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

/// Agreement of outputs in the order of a rank.
struct RankedOutputTests {
    /// The four best of eight scores of which all but the first are nearly alike, and what belongs to them.
    private func detector(_ noise: Float, scores name: String = "scores") throws -> Graph {
        let b = GraphBuilder("detector")
        let x = try b.input("x", .float32, ["N", 12])
        let base = TestModels.normal([1, 12]).floats()
        let moves = TestModels.normal([8, 12], seed: 8).floats()
        let weight = Tensor((0..<96).map { base[$0 % 12] + noise * moves[$0] }, shape: [8, 12])
        let scores = try b.linear(x, b.constant("w", weight), name: name)
        let boxes = try b.linear(x, b.constant("v", TestModels.normal([8, 12], seed: 9)), name: "boxes")
        let top = try b.add(TopK(axis: 1), inputs: [scores, b.constant("k", Tensor([Int64(4)]))], outputs: 2, name: "top")
        return try b.graph(outputs: top + [b.add(GatherElements(axis: 1), boxes, top[1], name: "found")])
    }

    private func data() throws -> Dataset { try Dataset([.init(name: "x", TestModels.normal([32, 12], seed: 3))]) }

    /// The least change swaps ranks and moves what is looked up by them; scores and boxes tell that nothing was lost.
    @Test func swappedRanksAreNoLoss() throws {
        let (original, changed) = (try detector(1e-5), try detector(-1e-5))
        let plain = try MetricRun(of: changed, original: original, on: data())
        #expect(plain.results.contains { $0.output == "found" && $0.metric == Cosine.name && ($0.value ?? 1) < 0.9 })
        let quality = try Quality(of: changed, beside: original, on: data())
        #expect(quality.score > 0.9999 && Set(quality.results.map(\.output)) == ["scores", "boxes"])
        #expect(quality.name.contains("ranked"))
    }

    /// A model that lacks these values is compared as it is.
    @Test func whatIsNotThereIsNotCompared() throws {
        let quality = try Quality(of: detector(-1e-5, scores: "others"), beside: detector(1e-5), on: data())
        #expect(quality.results.contains { $0.output == "found" } && !quality.name.contains("ranked"))
    }

    /// Codes in the place of the values count as the numbers that they stand for.
    @Test func codesAreComparedAsNumbers() throws {
        let original = try detector(1)
        let context = PassContext(calibration: try data())
        let coded = try StaticQuantization(hyperparameters: ["output-sqnr": 0, "quantize-outputs": true])(original, in: context).graph
        let quality = try Quality(of: coded, beside: original, on: data())
        #expect(quality.score > 0.99 && quality.score < 1)
    }
}
