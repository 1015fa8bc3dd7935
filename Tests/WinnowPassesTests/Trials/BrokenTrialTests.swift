import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

/// Candidates that give what is no number.
@Suite struct BrokenTrialTests {
    /// The scores x·w, and a constant added to one class of them.
    private func graph(_ shift: Float) throws -> Graph {
        let b = GraphBuilder("scores")
        let product = try b.add(MatMul(), b.input("x", .float32, ["N", 2]), b.constant("w", Tensor([1, 0, 0, 1] as [Float], shape: [2, 2])))
        return try b.graph(outputs: [b.add(Add(), product, b.constant("shift", Tensor([shift, 0] as [Float])))])
    }

    private func data(labelled: Bool) throws -> Dataset {
        let x = Tensor([3, 1, 2, 1, 0, 4, 1, 2] as [Float], shape: [4, 2])
        return try Dataset([.init(name: "x", x)], labels: labelled ? [0, 0, 1, 1] : nil)
    }

    /// However much may be lost, they are not within it; beside an original that is no better they are judged as all others.
    @Test(arguments: [true, false]) func theyAreNeverChosen(labelled: Bool) throws {
        let (good, data) = (try graph(0), try data(labelled: labelled))
        let bench = Bench(original: good)
        let (first, broken) = (try bench.trial(good, on: data), try bench.trial(graph(.nan), on: data))
        #expect(first.quality.score == 1 && broken.quality.score == 0)
        #expect(first.quality.brokenSampleCount == 0 && broken.quality.brokenSampleCount == 4 && broken.quality.sampleCount == 4)
        #expect(broken.score(beside: first) == -.infinity && !broken.isWithin(1e9, of: first))
        #expect(broken.score(beside: broken) == 0 && broken.isWithin(0, of: broken) && first.isWithin(0, of: broken))
    }

    @Test func aDropBoundRefusesThem() throws {
        let (good, data) = (try graph(0), try data(labelled: true))
        var context = PassContext(calibration: data, training: data, validation: data)
        context.teacher = good
        var bound = try DropBound(100, from: good, context)
        #expect(try bound.holds(graph(-9), "a worse one"))
        #expect(try !bound.holds(graph(.nan), "a broken one"))
    }

    /// Of a model that gives no numbers nothing can be lost, so it is not said that nothing is.
    @Test(arguments: [true, false]) func sensitivityRefusesThem(labelled: Bool) throws {
        let data = try data(labelled: labelled)
        let context = PassContext(calibration: data, training: data, validation: data)
        let error = #expect(throws: WinnowError.self) { try SensitivityAnalysis(.weight, strengths: [0.5])(graph(.nan), in: context) }
        #expect(error?.kind == .numeric)
        #expect(try SensitivityAnalysis(.weight, strengths: [0.5])(graph(0), in: context).baseline == 1)
    }
}
