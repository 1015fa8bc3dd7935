import Testing
import WinnowEngine
import WinnowGraph
import WinnowPasses
import WinnowTensor
@testable import Winnow

/// What bias correction compares a model with where a longer work hands one over.
@Suite struct BiasCorrectionRunTests {
    private func data() throws -> Dataset {
        var random = RandomGenerator(seed: 3)
        return try Dataset([.init(name: "input", Tensor((0..<64 * 784).map { _ in random.normal() }, shape: [64, 1, 28, 28]))])
    }

    private func quantized(_ data: Dataset) throws -> Graph {
        try StaticQuantization()(Architecture.named("lenet-5").makeGraph(seed: 0), in: PassContext(calibration: data)).graph
    }

    /// A model that the work began with is no other one, whatever was noted on it meanwhile.
    @Test func byItselfItChangesNothingAndSaysSo() throws {
        let data = try data()
        let model = Model(try quantized(data))
        var pipeline = Pipeline(Recipe { BiasCorrection() })
        pipeline.calibration = data
        let result = try pipeline.run(on: model)
        #expect(result.model.graph.initializers == model.graph.initializers)
        let findings = try #require(result.steps.first).findings
        #expect(!findings.isEmpty && findings.allSatisfy { $0.reason.contains("no model before compression") }, "\(findings)")
    }

    /// Layers before the one that was changed give what they gave, and their biases stay: in both models the same values are looked at,
    /// so the same layers are computed in integers as one.
    @Test func layersThatGiveWhatTheyGaveAreLeftAlone() throws {
        let data = try data()
        let before = try quantized(data)
        let last = try #require(before.weightSites.last)
        let codes = try #require(before.initializers[last.tensor])
        #expect(codes.elementType == .int8)
        var edit = GraphEdit()
        edit.initializers = [(last.tensor, Tensor(codes.integers().map { Int8($0 / 2) }, shape: codes.shape))]
        var context = PassContext(calibration: data)
        context.teacher = before
        let findings = try BiasCorrection()(before.applying(edit), in: context).findings
        let shifts = findings.filter { $0.quantity == .largestMeanShift }.map { $0.before ?? 0 }
        #expect(shifts.count == 4 && shifts.dropLast().allSatisfy { $0 == 0 } && (shifts.last ?? 0) > 0, "\(shifts)")
    }
}
