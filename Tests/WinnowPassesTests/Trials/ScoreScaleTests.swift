import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

/// In what drops of scores count.
@Suite struct ScoreScaleTests {
    /// Scores x·w whose first weight is this.
    private func graph(_ weight: Float) throws -> Graph {
        let b = GraphBuilder("scores")
        let w = b.constant("w", Tensor([weight, 0, 0, 1] as [Float], shape: [2, 2]))
        return try b.graph(outputs: [b.add(MatMul(), b.input("x", .float32, ["N", 2]), w)])
    }

    private func data() throws -> Dataset {
        try Dataset([.init(name: "x", Tensor([3, 1, 2, 1, 0, 4, 1, 2] as [Float], shape: [4, 2]))], labels: [0, 0, 1, 1])
    }

    /// The first weight.
    private func judge(unit: String = "", isHigherBetter: Bool = true) -> Judge {
        Judge("weight", unit: unit, isHigherBetter: isHigherBetter) { graph, _, _ in graph.initializers["w"]?.doubles()[0] ?? 0 }
    }

    /// A part of one loses points of a hundred, whatever lies outside 0…1 so much of its own unit; the original's number tells which.
    @Test(arguments: [
        (0.9, 0.898, true, 0.2, " points"), (1, -0.5, true, 150, " points"), (0.25, 0.5, false, 25, " points"),
        (90, 89.75, true, 0.25, ""), (-3, -3.5, true, 0.5, ""), (1.5, 2, false, 0.5, ""),
    ] as [(Float, Float, Bool, Double, String)]) func theOriginalTellsTheUnit(
        _ before: Float, _ after: Float, _ isHigherBetter: Bool, _ drop: Double, _ unit: String
    ) throws {
        let bench = Bench(original: nil, judge: judge(isHigherBetter: isHigherBetter))
        let (first, second) = (try bench.trial(graph(before), on: data()), try bench.trial(graph(after), on: data()))
        #expect(abs(second.drop(from: first) - drop) < 1e-4 && first.quality.scale.dropUnit == unit)
        #expect(second.isWithin(drop + 1e-4, of: first) && !second.isWithin(drop * 0.99, of: first))
        #expect(abs(first.quality.measured(first.quality.score) - Double(before)) < 1e-6)
    }

    @Test func unitsSayWhatTheyAre() throws {
        let decibels = try Bench(original: nil, judge: judge(unit: "dB")).trial(graph(0.5), on: data()).quality.scale
        #expect(!decibels.isPart && decibels.dropUnit == " dB")
        #expect(try Bench(original: nil, judge: judge(unit: "%")).trial(graph(2), on: data()).quality.scale == .parts)
    }

    /// A loss below 1 is no part of one, and is better low.
    @Test func crossEntropyCountsNats() throws {
        let judge = Judge(CrossEntropy.self)
        let bench = Bench(original: nil, judge: judge)
        let (first, second) = (try bench.trial(graph(1), on: data()), try bench.trial(graph(0.5), on: data()))
        let measured = try [1, 0.5].map { try #require(judge.result(of: graph($0), on: data()).value) }
        #expect(measured[0] < 1 && measured[1] > measured[0])
        #expect(abs(second.drop(from: first) - (measured[1] - measured[0])) < 1e-9)
    }

    /// What has no limit for the original says what to take instead.
    @Test func whatHasNoLimitIsRefused() throws {
        let bench = Bench(original: try graph(1), judge: Judge(SignalToNoise.self))
        let error = #expect(throws: WinnowError.self) { try bench.trial(graph(1), on: data()) }
        #expect(error?.remedy.contains(Cosine.name) == true)
    }

    @Test func boundsAreToldInTheUnit() throws {
        let data = try data()
        var context = PassContext(calibration: data, training: data, validation: data)
        context.judge = judge()
        var bound = try DropBound(0.5, from: graph(90), context)
        #expect(try bound.holds(graph(89.75), "near") && !bound.holds(graph(89), "far"))
        #expect(bound.findings.map(\.reason) == ["no part of 1: a drop counts in its own unit", "near: within 0.5", "far: more than 0.5"])
        bound = try DropBound(0.5, from: graph(0.5), context)
        #expect(try !bound.holds(graph(0.25), "far"))
        #expect(bound.findings.map(\.reason) == ["far: more than 0.5 points"])
    }
}
