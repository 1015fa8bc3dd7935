import Testing
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

@Suite struct SampleAxesTests {
    private func recurrent(_ extents: [Extent], isBatchFirst: Bool = false, state: [Extent]? = nil) throws -> Graph {
        let b = GraphBuilder("recurrent")
        let x = try b.input("x", .float32, extents)
        let initial = try state.map { try b.input("state", .float32, $0) }
        let weights = [b.constant("w", .sample([1, 12, 3])), b.constant("r", .sample([1, 12, 4]))]
        let op = GRU(RecurrentParameters(hiddenSize: 4, isBatchFirst: isBatchFirst))
        let all = try b.add(op, inputs: [x, weights[0], weights[1], nil, nil, initial], outputs: 2)
        return try b.graph(outputs: [b.add(Squeeze(), all[0], b.constant("axes", Tensor([isBatchFirst ? Int64(2) : 1]))), all[1]])
    }

    /// Recurrent layers take time as a whole, wherever it lies and whatever is open.
    @Test(arguments: [["T", "N", 3], [5, "N", 3], [5, 1, 3], ["T", 1, 3], ["A", "B", 3], [.unknown, .unknown, 3], [1, 7, 3]] as [[Extent]])
    func samplesLieBehindTime(extents: [Extent]) throws {
        let axes = SampleAxes(of: try recurrent(extents))
        #expect(axes.axis(ofInput: "x") == 1 && axes.fixedCount == extents[1].value)
        let graph = try recurrent(extents)
        #expect(graph.outputs.map { axes.axis(ofOutput: $0) } == [1, 1])
        #expect(axes.count(in: ["x": [5, 9, 3]]) == 9)
        #expect(SampleAxes(of: try recurrent(extents, isBatchFirst: true)).axis(ofInput: "x") == 0)
    }

    @Test(arguments: [
        (["T", "N", 3], [1, "N", 4]), ([5, 1, 3], [1, 1, 4]), ([.unknown, .unknown, 3], [1, .unknown, 4]), (["T", "A", 3], [1, "B", 4]),
    ] as [([Extent], [Extent])]) func statesHaveTheSameSamples(x: [Extent], state: [Extent]) throws {
        let axes = SampleAxes(of: try recurrent(x, state: state))
        #expect(axes.axis(ofInput: "x") == 1 && axes.axis(ofInput: "state") == 1)
    }

    /// A state that says nothing about its samples, a rate and a grid beside samples along the first axis.
    @Test func inputsWithoutSamplesAreShared() throws {
        let b = GraphBuilder("shared")
        let state = try b.input("state", .float32, [2, "N", 4])
        let x = try b.input("x", .float32, ["N", 4])
        let rate = try b.input("rate", .float32, [])
        let grid = try b.input("grid", .float32, [5, 4])
        let sum = try b.add(b.add(Mul(), x, rate), b.add(Add(), state, b.add(ReduceSum(), grid)))
        let axes = SampleAxes(of: try b.graph(outputs: [sum]))
        #expect(["state", "x", "rate", "grid"].map { axes.axis(ofInput: $0) } == [1, 0, nil, nil])
        #expect(axes.axis(ofOutput: sum) == 1 && axes.symbol == "N")
    }

    /// By convention samples come first; no other axis is taken for them.
    @Test(arguments: [["N", 3, "H", "W"], [1, 3, "H", "W"], [4, 3, 8, 8], [1, 3, 8, 8], [.unknown, 3, .unknown, .unknown]] as [[Extent]])
    func picturesComeFirst(extents: [Extent]) throws {
        let b = GraphBuilder("picture")
        let x = try b.input("x", .float32, extents)
        let y = try b.add(Conv(stride: 1, padding: 1), x, b.constant("w", .sample([2, 3, 3, 3])))
        let pooled = try b.add(GlobalAveragePool(), y)
        let axes = SampleAxes(of: try b.graph(outputs: [pooled]))
        #expect(axes.axis(ofInput: "x") == 0 && axes.axis(ofOutput: pooled) == 0 && axes.fixedCount == extents[0].value)
    }

    /// A vector that is taken as a whole is one sample; what is carried along, of one element or open counts samples.
    @Test(arguments: [(12, nil), (1, 0), ("N", 0)] as [(Extent, Int?)]) func vectorsTakenAsAWholeAreOneSample(extent: Extent, axis: Int?) throws {
        let b = GraphBuilder("vector")
        let x = try b.input("x", .float32, [extent])
        #expect(SampleAxes(of: try b.graph(outputs: [b.add(ReduceSum(), x)])).axis(ofInput: "x") == axis)
        let other = GraphBuilder("carried")
        #expect(SampleAxes(of: try other.graph(outputs: [other.add(Relu(), other.input("x", .float32, [extent]))])).axis(ofInput: "x") == 0)
    }

    /// What sums over samples does not make features samples.
    @Test func featuresOfFixedNumberAreNoSamples() throws {
        let b = GraphBuilder("summed")
        let x = try b.input("x", .float32, ["N", 4])
        let graph = try b.graph(outputs: [b.add(Mul(), b.add(Abs(), x), b.add(ReduceSum(axes: [0]), x))])
        #expect(SampleAxes(of: graph).axis(ofInput: "x") == 0)
    }

    @Test func inputsOfUnknownRankHaveSamplesFirst() throws {
        let x = GraphInput("x", ValueType(.float32, nil))
        let node = Node(name: "relu", op: Relu(), inputs: ["x"], outputs: ["y"])
        #expect(SampleAxes(of: try Graph(name: "rankless", inputs: [x], outputs: ["y"], nodes: [node])).axis(ofInput: "x") == 0)
    }

    @Test func wordsComeBehindSamples() throws {
        for extents in [["batch", "length"], [1, "length"], [1, 12]] as [[Extent]] {
            let b = GraphBuilder("words")
            let words = try b.input("words", .int64, extents)
            let rows = try b.add(Gather(), b.constant("table", .sample([9, 4])), words)
            let scores = try b.add(MatMul(), rows, b.add(Transpose([0, 2, 1]), rows))
            let graph = try b.graph(outputs: [b.add(MatMul(), b.add(Softmax(), scores), rows)])
            #expect(SampleAxes(of: graph).axis(ofInput: "words") == 0 && SampleAxes(of: graph).axis(ofOutput: graph.outputs[0]) == 0)
        }
    }

    @Test func samplesMayComeLast() throws {
        let b = GraphBuilder("last")
        let x = try b.input("x", .float32, [3, "N"])
        let graph = try b.graph(outputs: [b.add(MatMul(), b.constant("w", .sample([5, 3])), x)])
        let axes = SampleAxes(of: graph)
        #expect(axes.axis(ofInput: "x") == 1 && axes.axis(ofOutput: graph.outputs[0]) == 1)
    }
}
