import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowPasses
import WinnowTensor
import WinnowTraining

/// Graphs whose shapes or control flow depend on contents.
@Suite struct ContentShapeTests {
    private func floats(_ tensor: Tensor?) -> [Double] { tensor?.doubles() ?? [] }

    /// The positive elements of x, doubled, then their number added to each.
    private func selection() throws -> Graph {
        let b = GraphBuilder("selection")
        let x = try b.input("x", .float32, ["N", 3])
        let places = try b.add(Transpose(), b.add(NonZero(), b.add(Relu(), x)))
        let found = try b.add(GatherND(), b.add(Add(), x, x), places)
        let count = try b.add(Cast(to: .float32), b.add(SizeOf(), found))
        return try b.graph(outputs: [b.add(Add(), found, count), places])
    }

    @Test(arguments: [true, false]) func resultsHaveTheShapesThatContentsGive(_ lowers: Bool) throws {
        let session = try Session(selection(), options: SessionOptions(lowers: lowers))
        let graph = session.graph
        for (values, expected) in [([1, -1, 2, -1, -1, 3], [5, 7, 9]), ([-1, -1, -1, -1, -1, 4], [9]), ([-1, 0, 0, 0, 0, 0], [])] {
            let x = Tensor(values.map { Float($0) }, shape: [2, 3])
            let results = try session.run(["x": x])
            #expect(floats(results[graph.outputs[0]]) == expected.map { Double($0) })
            #expect(results[graph.outputs[1]]?.shape == [expected.count, 2])
        }
    }

    @Test func aShapeMayBeComputed() throws {
        let b = GraphBuilder("computed")
        let x = try b.input("x", .float32, [6])
        let rows = try b.input("rows", .int64, [1])
        let shape = try b.add(Concat(axis: 0), rows, b.constant("rest", Tensor([Int64(-1)])))
        let graph = try b.graph(outputs: [b.add(ReduceSum(ReductionParameters(axes: [0], keepsAxes: false)), b.add(Reshape(), x, shape))])
        let x6 = Tensor([Float(1), 2, 3, 4, 5, 6])
        let session = try Session(graph)
        #expect(floats(try session.run(["x": x6, "rows": Tensor([Int64(2)])])[graph.outputs[0]]) == [5, 7, 9])
        #expect(floats(try session.run(["x": x6, "rows": Tensor([Int64(3)])])[graph.outputs[0]]) == [9, 12])
    }

    /// y = −h where the condition holds, else h + 1, for h = 2x, which both branches capture.
    private func branches(_ condition: Tensor? = nil) throws -> Graph {
        let b = GraphBuilder("branches")
        let x = try b.input("x", .float32, ["N"])
        let decision = try condition.map { b.constant("decision", $0) } ?? b.input("decision", .bool, [])
        let h = try b.add(Identity(), b.add(Add(), x, x))
        let type = ValueType(.float32, ["N"])
        let yes = try Graph(
            name: "yes", inputs: [], outputs: ["y"], nodes: [Node(name: "neg", op: Neg(), inputs: [h], outputs: ["y"])],
            captures: [h: type])
        let no = try Graph(
            name: "no", inputs: [], outputs: ["y"], nodes: [Node(name: "add", op: Add(), inputs: [h, "one"], outputs: ["y"])],
            initializers: [("one", Tensor(scalar: Float(1)))], captures: [h: type])
        let y = try b.add(If(then: yes, else: no), decision)
        return try b.graph(outputs: [b.add(Mul(), y, b.constant("ten", Tensor(scalar: Float(10))))])
    }

    @Test(arguments: [true, false]) func branchesReadTheGraphAround(_ lowers: Bool) throws {
        let graph = try branches()
        let session = try Session(graph, options: SessionOptions(lowers: lowers))
        for (decision, expected) in [(true, [-20.0, -40]), (false, [30, 50])] {
            let results = try session.run(["x": Tensor([Float(1), 2]), "decision": Tensor(scalar: decision)])
            #expect(floats(results[graph.outputs[0]]) == expected)
        }
    }

    @Test(arguments: [true, false]) func aKnownConditionLeavesOnePlan(_ decision: Bool) throws {
        let graph = try branches(Tensor(scalar: decision))
        #expect(try !graph.lowered().nodes.contains { $0.op is If })
        #expect(try !graph.trainingForm().nodes.contains { $0.op is If })
        let result = try Session(graph).run(["x": Tensor([Float(1), 2])])[graph.outputs[0]]
        #expect(floats(result) == (decision ? [-20, -40] : [30, 50]))
    }

    @Test func whatABodyReadsIsRewiredWithTheRest() throws {
        let graph = try branches()
        let removed = try RemoveIdentity().apply(to: graph, in: PassContext()).graph
        #expect(!removed.nodes.contains { $0.op is Identity })
        let inputs = ["x": Tensor([Float(1), 2]), "decision": Tensor(scalar: true)]
        #expect(floats(try Session(removed).run(inputs)[graph.outputs[0]]) == [-20, -40])
    }

    @Test func aLoopMayGrowWhatItCarries() throws {
        let body = try Graph(
            name: "body",
            inputs: [
                GraphInput("i", ValueType(.int64, [])), GraphInput("go", ValueType(.bool, [])),
                GraphInput("list", ValueType(.int64, [.unknown])),
            ], outputs: ["go", "longer"],
            nodes: [
                Node(name: "row", op: Unsqueeze(), inputs: ["i", "axes"], outputs: ["row"]),
                Node(name: "join", op: Concat(axis: 0), inputs: ["list", "row"], outputs: ["longer"]),
            ], initializers: [("axes", Tensor([Int64(0)]))])
        let b = GraphBuilder("growth")
        let count = try b.input("count", .int64, [])
        let start = b.constant("start", Tensor([Int64(7)]))
        let list = try b.add(Loop(body), inputs: [count, nil, start])[0]
        let graph = try b.graph(outputs: [list])
        for count in [0, 1, 4] {
            let result = try Session(graph).run(["count": Tensor(scalar: Int64(count))])[list]
            #expect(result?.integers() == [7] + Array(0..<count))
        }
    }

    @Test func suchGraphsAreEvaluatedAndTimed() throws {
        let b = GraphBuilder("classifier")
        let x = try b.input("x", .float32, ["N", 4])
        // The order of the classes is computed, but it is the one they have.
        let order = try b.add(Squeeze(), b.add(NonZero(), b.add(ReduceSum(ReductionParameters(axes: [0], keepsAxes: false)), b.add(Add(), b.add(Abs(), x), b.constant("one", Tensor(scalar: Float(1)))))), b.constant("axes", Tensor([Int64(0)])))
        let graph = try b.graph(outputs: [b.add(Gather(axis: 1), x, order)])
        let samples = Tensor([Float(3), 2, 1, 0, 0, 1, 2, 3, 0, 5, 4, 3], shape: [3, 4])
        let evaluation = try Evaluation(of: graph, on: Dataset([.init(samples)], labels: [0, 3, 1]), batchSize: 2, k: 1)
        #expect(evaluation.top1 == 1)
        let plan = try Session(graph).plan(for: InputShapes().completed(for: graph, batchSize: 1))
        #expect(try Latency.measure(batchSize: 1, seconds: 0.01) { try plan.execute() }.runCount >= 5)
    }

    @Test func trainingAsksForFixedShapes() throws {
        let graph = try selection()
        #expect(throws: WinnowError.self) {
            try Plan(graph, inputShapes: ["x": [2, 3]], variables: VariableStore([:]))
        }
    }
}
