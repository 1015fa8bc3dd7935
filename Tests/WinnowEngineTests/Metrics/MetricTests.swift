import Foundation
import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowEngine

@Suite struct MetricTests {
    private func place(_ type: ElementType, _ shape: Shape, labels: Bool = true, original: Bool = true) -> MetricPlace {
        MetricPlace(output: "y", elementType: type, shape: shape, sampleCount: 4, hasLabels: labels, hasOriginal: original)
    }

    private func value(_ type: any Metric.Type, _ batches: [MetricBatch]) throws -> Double {
        var metric = type.init()
        for batch in batches { try metric.add(batch) }
        return metric.value
    }

    /// What a metric gives for two halves is what it gives for the whole.
    @Test(arguments: MetricCatalogue.all.map { $0.name }) func batchesAddUp(name: String) throws {
        let type = try #require(MetricCatalogue.all.first { $0.name == name })
        var random = RandomGenerator(seed: 2)
        let values = (0..<40).map { _ in Double(random.normal()) }
        let others = values.map { $0 + 0.3 * Double(random.normal()) }
        let labels = (0..<8).map { $0 % 5 }
        let whole = MetricBatch(values: values, original: others, labels: labels, sampleCount: 8)
        let halves = [0, 20].map { start in
            MetricBatch(
                values: Array(values[start..<(start + 20)]), original: Array(others[start..<(start + 20)]),
                labels: Array(labels[(start / 5)..<(start / 5 + 4)]), sampleCount: 4)
        }
        #expect(abs(try value(type, [whole]) - (try value(type, halves))) < 1e-12)
    }

    /// A model beside itself: nothing differs.
    @Test func equalOutputsAgree() throws {
        let batch = MetricBatch(values: [1, 5, -2, 0.5], original: [1, 5, -2, 0.5], labels: [1, 0], sampleCount: 2)
        #expect(try value(Top1.self, [batch]) == 0.5)
        #expect(try value(Top1Agreement.self, [batch]) == 1 && value(Cosine.self, [batch]) == 1)
        #expect(try value(SignalToNoise.self, [batch]) == .infinity && value(LargestDifference.self, [batch]) == 0)
    }

    /// A sample with a score that is no number is wrong, whatever its label and the original.
    @Test(arguments: [0, 1, 2]) func whatIsNoNumberIsWrong(place: Int) throws {
        var values: [Double] = [3, 2, 1, 3, 2, 1]
        values[place] = .nan
        for label in 0..<3 {
            let batch = MetricBatch(values: values, original: values, labels: [label, 0], sampleCount: 2)
            #expect(try value(Top1.self, [batch]) == 0.5 && value(TopK.self, [batch]) == 0.5 && value(Top1Agreement.self, [batch]) == 0.5)
            #expect(try value(CrossEntropy.self, [batch]) == .infinity)
        }
        // Beside numbers, and beside what was none before.
        for original in [[3, 2, 1, 3, 2, 1], values] {
            let batch = MetricBatch(values: values, original: original, sampleCount: 2)
            #expect(try value(Cosine.self, [batch]) == 0 && value(SignalToNoise.self, [batch]) == -.infinity)
            #expect(try value(LargestDifference.self, [batch]) == .infinity && value(RelativeError.self, [batch]) == .infinity)
        }
    }

    /// Both infinities are told, and told apart, in JSON too.
    @Test func infinitiesHaveSigns() throws {
        func result(_ value: Double) -> MetricResult { MetricResult("SQNR", value, unit: "dB", isHigherBetter: true, output: "y") }
        for value in [.infinity, -.infinity, 3] as [Double] {
            let read = try JSONDecoder.exact.decode(MetricResult.self, from: JSONEncoder.exact().encode(result(value)))
            #expect(read.value == value)
        }
        #expect(result(.nan).value == nil)
    }

    @Test func predictionsOfWhatIsNoNumberAreNone() throws {
        let b = GraphBuilder("echo")
        let x = try b.input("x", .float32, ["N", 2])
        let graph = try b.graph(outputs: [b.add(Identity(), x)])
        let data = try Dataset([.init(name: "x", Tensor([.nan, .nan, 0, 1] as [Float], shape: [2, 2]))], labels: [0, 1])
        let evaluation = try Evaluation(of: graph, on: data)
        #expect(evaluation.predictions == [-1, 1] && evaluation.top1 == 0.5 && evaluation.brokenSampleCount == 1)
        #expect(try MetricRun(of: graph, original: graph, on: data).brokenSampleCount == 1)
    }

    @Test func metricsSayWhereTheyFit() {
        #expect(Top1.objection(to: place(.float32, [4, 10])) == nil)
        #expect(Top1.objection(to: place(.float32, [4, 10, 1, 1])) == nil)
        #expect(Top1.objection(to: place(.float32, [4, 2, 8, 8]))?.contains("not scores (N, classes)") == true)
        #expect(Top1.objection(to: place(.float32, [4, 10], labels: false))?.contains("no labels") == true)
        #expect(Top1Agreement.objection(to: place(.float32, [4, 1])) != nil)
        #expect(Cosine.objection(to: place(.float32, [1, 3, 7])) == nil && Cosine.objection(to: place(.int64, [4])) != nil)
        #expect(EqualElements.objection(to: place(.int64, [4])) == nil && EqualElements.objection(to: place(.float32, [4])) != nil)
        // Each looks at labels, or at the original.
        for metric in MetricCatalogue.all {
            let needs = [(false, true), (true, false)].map { metric.objection(to: place(.float32, [4, 10], labels: $0.0, original: $0.1)) != nil }
            #expect(needs.count { $0 } == 1 || metric == EqualElements.self, "\(metric)")
        }
    }

    /// Fixed batches are filled up, samples of several shapes go apart, inputs may have other names: every sample counts once.
    @Test func everySampleCountsOnce() throws {
        func echo(_ name: String, _ batch: Extent, plus: Float = 0) throws -> Graph {
            let b = GraphBuilder("echo")
            let x = try b.input(name, .float32, [batch, 3])
            return try b.graph(outputs: [b.add(Add(), x, b.constant("c", Tensor(scalar: plus)))])
        }
        let data = try Dataset([.init(name: "x", Tensor((0..<21).map(Float.init), shape: [7, 3]))])
        let run = try MetricRun(of: echo("z", 3, plus: 1), original: echo("x", 3), on: data)
        #expect(run[Top1Agreement.self]?.value == 1 && run[LargestDifference.self]?.value == 1)
        #expect(abs((run.sums.first?.sums.noise ?? 0) - 21) < 1e-9)
        #expect(run.objections["top-1"]?.contains("no labels") == true)
    }

    /// Outputs without elements, in all batches or in some, are no better or worse than any other.
    @Test func whatHasNoElementsIsNotMeasured() throws {
        func network(_ factor: Float) throws -> Graph {
            let b = GraphBuilder("empty")
            let x = try b.input("x", .float32, ["N", 3])
            let nothing = try b.add(MatMul(), x, b.constant("w", Tensor([] as [Float], shape: [3, 0])), name: "nothing")
            let places = try b.add(NonZero(), x, name: "places")
            return try b.graph(outputs: [nothing, places, b.add(Mul(), x, b.constant("factor", Tensor(scalar: factor)), name: "scaled")])
        }
        let data = try Dataset([.init(name: "x", Tensor([0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 3, 4] as [Float], shape: [4, 3]))])
        var options = EvaluationOptions()
        options.batchSize = 2
        let run = try MetricRun(of: network(2), original: network(1), on: data, options: options)
        #expect(run.sums.map(\.output) == ["places", "scaled"])
        #expect(run.results.filter { $0.output == "places" }.map(\.value) == [1])
        #expect(run[Cosine.self]?.output == "scaled" && run[RelativeError.self]?.value == 1)
        let nothing = try MetricRun(of: network(2), original: network(1), on: data, onlyScores: true)
        #expect(nothing.results.isEmpty && nothing.objections[Cosine.name]?.contains("no elements") == true)
    }

    /// Classes that were chosen may stand before the scores that labels judge.
    @Test func labelsJudgeScoresBehindClasses() throws {
        let b = GraphBuilder("classifier")
        let x = try b.input("x", .float32, ["N", 3])
        let scores = try b.add(Relu(), x, name: "scores")
        let graph = try b.graph(outputs: [b.add(ArgMax(axis: 1, keepsAxis: false), scores, name: "classes"), scores])
        let inputs = Dataset.Feature(name: "x", Tensor([3, 1, 2, 0, 5, 1, 1, 2, 9] as [Float], shape: [3, 3]))
        let data = try Dataset([inputs], labels: [0, 1, 0])
        #expect(graph.scoredOutput == "scores" && ClassLabels(of: data, for: graph).objection == nil)
        #expect(try Evaluation(of: graph, on: data).predictions == [0, 1, 2])
        let classes = try b.graph(outputs: [b.add(ArgMax(axis: 1, keepsAxis: false), scores, name: "alone")])
        #expect(ClassLabels(of: data, for: classes).objection?.contains("output alone is int64") == true)
    }

    @Test func labelsAreRankedAndMeasured() throws {
        let batch = MetricBatch(values: [3, 2, 1, 0, 0, 5, 4, 3], labels: [1, 3], sampleCount: 2)
        #expect(try [1, 2, 3].map { k in var metric = TopK(k); try metric.add(batch); return metric.value } == [0, 0.5, 1])
        #expect(abs(try value(CrossEntropy.self, [MetricBatch(values: [0, log(3)], labels: [1], sampleCount: 1)]) - log(4.0 / 3)) < 1e-12)
        let halves = MetricBatch(values: [0.5, 0.5], labels: [1], sampleCount: 1, form: .probabilities)
        #expect(abs(try value(CrossEntropy.self, [halves]) - log(2)) < 1e-12)
    }

    /// Half precision scores are scores.
    @Test func evaluationTakesScoresOfAnyPrecision() throws {
        let b = GraphBuilder("half")
        let x = try b.input("x", .float32, ["N", 2])
        let graph = try b.graph(outputs: [b.add(Cast(to: .float16), x)])
        let data = try Dataset([.init(name: "x", Tensor([1, 0, 0, 1] as [Float], shape: [2, 2]))], labels: [0, 0])
        #expect(try Evaluation(of: graph, on: data).top1 == 0.5)
    }

    @Test func labelsOutOfRangeAreRefused() {
        #expect(throws: WinnowError.self) { try value(Top1.self, [MetricBatch(values: [1, 2], labels: [2], sampleCount: 1)]) }
    }
}

@Suite struct LatencyTurnsTests {
    /// Work that takes twice as long is told from work that does not, and a body beside itself is noise.
    @Test func differencesAreToldFromNoise() throws {
        let turns = try LatencyTurns(count: 3, seconds: 0.3) { index in { usleep(index == 2 ? 4_000 : 1_000) } }
        let slower = turns.speedup(of: 2, over: 0)
        #expect(!slower.isNoise && slower.ratio < 0.6 && slower.low <= slower.ratio && slower.ratio <= slower.high)
        #expect(turns.speedup(of: 0, over: 0).isNoise)
        let latency = turns.latency(2)
        #expect(latency.lowerQuartileMilliseconds <= latency.medianMilliseconds)
        #expect(latency.medianMilliseconds <= latency.upperQuartileMilliseconds && latency.runCount >= 9)
    }
}

@Suite struct InputShapesTests {
    private func graph(_ inputs: [(String, [Extent])]) throws -> Graph {
        let b = GraphBuilder("g")
        let values = try inputs.map { try b.input($0.0, .float32, $0.1) }
        return try b.graph(outputs: values)
    }

    /// Only the batch is assumed: the first axis, and axes of its name.
    @Test func onlyTheBatchIsAssumed() throws {
        let state = try graph([("x", ["N", 4]), ("h", [2, "N", 8])])
        #expect(try InputShapes().completed(for: state, batchSize: 3) == ["x": [3, 4], "h": [2, 3, 8]])
        let open = try graph([("x", ["N", 1, "H", "W"])])
        let error = #expect(throws: WinnowError.self) { try InputShapes().completed(for: open, batchSize: 1) }
        #expect(error?.description == "input x: leaves H and W open; give --shape x=1x1xHxW with numbers, or data")
        #expect(InputShapes().known(for: open) == nil && InputShapes().request(for: open) != nil)
    }

    /// Exporters without names for extents give all of them one.
    @Test func oneNameForEverythingIsNone() throws {
        let open = try graph([("x", ["?", 3, "?", "?"])])
        #expect(throws: WinnowError.self) { try InputShapes().completed(for: open, batchSize: 1) }
        let two = try graph([("x", ["?", 3, "?", "?"]), ("y", ["?", 4])])
        #expect(throws: WinnowError.self) { try InputShapes().completed(for: two, batchSize: 1) }
        #expect(try InputShapes(parsing: ["x=2x3x8x9"], for: open).completed(for: open, batchSize: 1) == ["x": [2, 3, 8, 9]])
    }

    /// The batch is open by its name and fixed by a Reshape inside, as tracing leaves it.
    @Test(arguments: [1, 4]) func aBatchFixedInsideIsFound(_ size: Int) throws {
        let b = GraphBuilder("traced")
        let rows = try b.add(Reshape(), b.input("x", .float32, ["N", 2, 3]), b.constant("shape", Tensor([Int64(size), 6])))
        let graph = try b.graph(outputs: [rows])
        let data = try Dataset([.init(name: "x", Tensor(zeros: [10, 2, 3]))])
        #expect(data.fixedBatchSize(for: graph) == size)
        #expect(data.batches(of: 8, for: graph).map(\.indices.count) == [Int](repeating: size, count: (9 + size) / size))
    }

    /// Frames of videos, sides of pairs: any multiple goes through.
    @Test func aMultipleIsNoFixedBatch() throws {
        let b = GraphBuilder("frames")
        let rows = try b.add(Reshape(), b.input("x", .float32, ["N", 2, 3]), b.constant("shape", Tensor([Int64(-1), 8, 6])))
        let graph = try b.graph(outputs: [rows])
        let data = try Dataset([.init(name: "x", Tensor(zeros: [64, 2, 3]))])
        #expect(data.fixedBatchSize(for: graph) == nil && graph.fixedBatchSize == nil)
    }

    @Test func givenShapesTellSymbols() throws {
        let graph = try graph([("ids", ["N", "T"]), ("mask", ["N", "T"]), ("fixed", [1, 5])])
        let shapes = try InputShapes(parsing: ["ids=1x16"], for: graph).completed(for: graph, batchSize: 1)
        #expect(shapes == ["ids": [1, 16], "mask": [1, 16], "fixed": [1, 5]])
    }

    @Test func dataTellsShapesForAnyBatch() throws {
        let graph = try graph([("x", ["N", 1, "H", "W"])])
        let data = try Dataset([.init(name: "x", Tensor(zeros: [2, 1, 5, 7]))])
        #expect(try InputShapes(of: data).completed(for: graph, batchSize: 4) == ["x": [4, 1, 5, 7]])
        let given = try InputShapes(parsing: ["x=1x1x9x9"]).filled(from: InputShapes(of: data))
        #expect(given.known(for: graph) == ["x": [1, 1, 9, 9]])
    }

    @Test(arguments: ["x", "x=", "=1x2", "x=1x0", "x=1xa", "x=99999999999999999999"]) func whatIsNoShapeIsRefused(text: String) {
        #expect(throws: WinnowError.self) { try InputShapes(parsing: [text]) }
    }

    @Test(arguments: ["y=1x4", "x=1x5", "x=4"]) func whatDoesNotFitIsRefused(text: String) throws {
        let graph = try graph([("x", ["N", 4])])
        #expect(throws: WinnowError.self) { try InputShapes(parsing: [text], for: graph) }
    }
}
