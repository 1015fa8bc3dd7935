import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

/// Arrays as models take them become samples, and batches become what models take.
@Suite struct ArrangementTests {
    /// Time × samples × features with a state and a rate.
    private func graph(batch: Extent = "N") throws -> Graph {
        let b = GraphBuilder("steps")
        let x = try b.input("x", .float32, [5, batch, 3])
        let state = try b.input("state", .float32, [1, batch, 4])
        let rate = try b.input("rate", .int64, [])
        let weights = [b.constant("w", .sample([1, 12, 3])), b.constant("r", .sample([1, 12, 4]))]
        let all = try b.add(GRU(RecurrentParameters(hiddenSize: 4)), inputs: [x, weights[0], weights[1], nil, nil, state], outputs: 2)
        let last = try b.add(Mul(), b.add(Squeeze(), all[1], b.constant("axes", Tensor([Int64(0)]))), b.add(Cast(to: .float32), rate))
        return try b.graph(outputs: [last, all[0]])
    }

    private func data(_ arrays: [String: Tensor], for graph: Graph, labels: [Int]? = nil) throws -> Dataset {
        try Dataset(arrays: arrays.sorted { $0.key < $1.key }.map { .init(name: $0.key, $0.value) }, labels: labels, for: graph)
            .adapted(to: graph)
    }

    private let x = Tensor.sample([5, 7, 3])
    private let state = Tensor.sample([1, 7, 4], seed: 2)
    private let rate = Tensor(scalar: Int64(3))

    @Test func arraysLieAsTheModelTakesThem() throws {
        let data = try data(["x": x, "state": state, "rate": rate], for: graph())
        #expect(data.count == 7)
        let batch = try data.batch(at: [6, 2])
        #expect(batch["x"] == x.selecting([6, 2], axis: 1) && batch["state"] == state.selecting([6, 2], axis: 1) && batch["rate"] == rate)
        #expect(data.batchShapes(count: 2) == ["x": [5, 2, 3], "state": [1, 2, 4], "rate": []])
        #expect(try data.selecting([4, 4, 1]).batch(at: [2])["x"] == x.selecting([1], axis: 1))
        #expect(try data.drawn(3).count == 3 && Set(data.contentHashes()).count == 7)
    }

    /// With the samples first, with rows for what all share, and with one state for all.
    @Test func arraysMayHaveSamplesFirst() throws {
        let graph = try graph()
        let expected = try data(["x": x, "state": state, "rate": rate], for: graph).batch(at: [3, 5])
        let rows = Tensor([Int64](repeating: 3, count: 7))
        #expect(try data(["x": x.transposed([1, 0, 2]), "state": state.transposed([1, 0, 2]), "rate": rows], for: graph).batch(at: [3, 5]) == expected)
        let wide = x.transposed([1, 0, 2]).reshaped([7, 5, 1, 3])
        #expect(try data(["x": wide, "state": state, "rate": rate.reshaped([1])], for: graph).batch(at: [3, 5]) == expected)
        let one = try data(["x": x, "state": Tensor(zeros: [1, 1, 4]), "rate": rate], for: graph)
        #expect(try one.count == 7 && one.batch(at: [3, 5])["state"] == Tensor(zeros: [1, 2, 4]))
    }

    /// Values that differ where the model takes one for all: samples go one by one.
    @Test func rowsOfWhatIsSharedGoOneByOne() throws {
        let graph = try graph()
        let data = try data(["x": x, "state": state, "rate": Tensor((0..<7).map { Int64($0) })], for: graph)
        #expect(data.batches(of: 4, for: graph).count == 7)
        #expect(try data.batch(at: [5])["rate"] == Tensor(scalar: Int64(5)) && data.batchShapes(count: 1)["rate"] == [])
    }

    /// All that a model without an axis for samples takes is one sample.
    @Test func wholeInputsAreSamples() throws {
        let b = GraphBuilder("frames")
        let x = try b.input("x", .float32, [4, 3])
        let graph = try b.graph(outputs: [b.add(Softmax(axis: 0), x)])
        let many = Tensor.sample([9, 4, 3])
        let data = try data(["x": many], for: graph)
        #expect(data.count == 9 && data.batches(of: 8, for: graph).count == 9)
        #expect(try data.batch(at: [2])["x"] == many.rows(2..<3).reshaped([4, 3]))
    }

    /// Every metric sees outputs by samples: what belongs together stays together in batches of any size.
    @Test func metricsTakeSamplesApart() throws {
        for batch in ["N", 4] as [Extent] {
            let graph = try graph(batch: batch)
            let data = try data(["x": x, "state": state, "rate": rate], for: graph, labels: [0, 1, 2, 3, 0, 1, 2])
            let all = try Evaluation(of: self.graph(), on: data, batchSize: 7)
            let some = try Evaluation(of: graph, on: data, batchSize: 3)
            #expect(all.predictions == some.predictions && abs(all.loss - some.loss) < 1e-6)
            #expect(all.predictions.count == 7 && ClassLabels(of: data, for: graph).objection == nil)
            var few = EvaluationOptions()
            few.batchSize = 3
            let run = try MetricRun(of: graph, original: graph, on: data, options: few)
            #expect(run.sums.allSatisfy { $0.sums.noise == 0 && $0.sums.squares.a > 0 })
        }
    }

    /// Scores (classes, N) are judged and trained like (N, classes).
    @Test(arguments: [nil, Softmax(axis: 0)] as [Softmax?]) func samplesMayComeLast(_ closing: Softmax?) throws {
        let w = Tensor.sample([5, 3])
        func graph(isLast: Bool) throws -> Graph {
            let b = GraphBuilder("last")
            let x = try b.input("x", .float32, isLast ? [3, "N"] : ["N", 3])
            let scores = try isLast ? b.add(MatMul(), b.constant("w", w), x) : b.add(Gemm(transposesRight: true), x, b.constant("w", w))
            guard let closing else { return try b.graph(outputs: [scores]) }
            return try b.graph(outputs: [b.add(isLast ? closing : Softmax(axis: 1), scores)])
        }
        let rows = Tensor.sample([6, 3], seed: 4)
        let labels = [0, 4, 2, 2, 1, 3]
        let plain = try Evaluation(of: graph(isLast: false), on: data(["x": rows], for: graph(isLast: false), labels: labels))
        let last = try Evaluation(of: graph(isLast: true), on: data(["x": rows.transposed([1, 0])], for: graph(isLast: true), labels: labels))
        #expect(plain.predictions == last.predictions && abs(plain.loss - last.loss) < 1e-6)
    }
}
