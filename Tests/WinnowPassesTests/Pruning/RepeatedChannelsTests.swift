import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

/// Channels cross the borders of bodies that are run again and again: states, what is walked along, what is collected, what is read around.
struct RepeatedChannelsTests {
    /// What a cell's state is behind a run: a number that is 0 where all weights are, or another.
    enum Cell: CaseIterable { case tanh, residual, softplus }

    /// x (6, N, 5) → 8 channels → a cell of 8 channels, walked along → 3. The matrix on the state lies around the body.
    private static func recurrent(_ cell: Cell, width: Int = 8, collects: Bool = true, isGiven: Bool = false) throws -> Graph {
        let b = GraphBuilder("recurrent")
        let x = try b.input("x", .float32, [6, 2, 5])
        let h = try b.add(Relu(), b.add(MatMul(), x, b.constant("w1", TestModels.normal([5, 8]))))
        let start = isGiven
            ? try b.input("start", .float32, [2, .fixed(width)]) : b.constant("start", Tensor(zeros: [2, width], .float32))
        let around = b.constant("around", TestModels.normal([width, width], seed: 3))
        let state = ValueType(.float32, [2, .fixed(width)])
        let sum = Node(name: "sum", op: Add(), inputs: ["taken", "kept"], outputs: ["sum"])
        let bent: [Node] = switch cell {
        case .tanh: [Node(name: "bend", op: Tanh(), inputs: ["sum"], outputs: ["next"])]
        case .softplus: [Node(name: "bend", op: Softplus(), inputs: ["sum"], outputs: ["next"])]
        case .residual:
            [
                Node(name: "bend", op: Relu(), inputs: ["sum"], outputs: ["bent"]),
                Node(name: "add", op: Add(), inputs: ["state", "bent"], outputs: ["next"]),
            ]
        }
        let body = try Graph(
            name: "body", inputs: [GraphInput("state", state), GraphInput("step", ValueType(.float32, [2, 8]))],
            outputs: collects ? ["next", "given"] : ["next"],
            nodes: [
                Node(name: "take", op: MatMul(), inputs: ["step", "own"], outputs: ["taken"]),
                Node(name: "keep", op: MatMul(), inputs: ["state", around], outputs: ["kept"]), sum,
            ] + bent + (collects ? [Node(name: "give", op: Relu(), inputs: ["next"], outputs: ["given"])] : []),
            initializers: [("own", TestModels.normal([8, width], seed: 4))], captures: [around: ValueType(.float32, [.fixed(width), .fixed(width)])])
        let results = try b.add(Scan(body, scannedInputs: 1), inputs: [start, h], outputs: collects ? 2 : 1, name: "scan")
        return try b.graph(outputs: [b.add(MatMul(), results[collects ? 1 : 0], b.constant("w2", TestModels.normal([width, 3], seed: 6)), name: "y")])
    }

    private func scan(_ graph: Graph) throws -> Graph { try #require(graph.node(named: "scan")?.op as? Scan).body }

    private func expectShrunkIsMasked(_ graph: Graph, _ inputs: [String: Tensor]) throws {
        let shrunk = try StructuredPruning()(graph).graph
        let masked = try StructuredPruning { $0.remove = false }(graph).graph
        #expect(masked.parameterCount == graph.parameterCount)
        for name in graph.outputNames {
            let runs = try [shrunk, masked, graph].map { try #require(try Session($0).run(inputs)[name]).floats() }
            #expect(zip(runs[0], runs[1]).allSatisfy { abs($0 - $1) < 1e-4 } && zip(runs[0], runs[2]).contains { abs($0 - $1) > 1e-3 })
        }
    }

    @Test(arguments: [Cell.tanh, .residual], [false, true]) func statesAndSlicesLoseChannels(_ cell: Cell, _ collects: Bool) throws {
        let graph = try Self.recurrent(cell, collects: collects)
        let result = try StructuredPruning()(graph)
        #expect(["w1", "w2", "start"].map { result.graph.initializers[$0]?.shape } == [[5, 4], [4, 3], [2, 4]])
        let body = try scan(result.graph)
        #expect(body.initializers["own"]?.shape == [4, 4])
        #expect(body.inputs.map(\.name) == ["state", "step"] && body.inputs.map(\.type.shape) == [[2, 4], [2, 4]])
        #expect(body.nodes.map(\.name).prefix(3) == ["take", "keep", "sum"])
        #expect(result.findings.contains { $0.subject == "scan/own" && $0.after == 4 })
        try expectShrunkIsMasked(graph, ["x": TestModels.normal([6, 2, 5], seed: 9)])
    }

    /// A state that masks do not make zero stays, and so does one that callers give; what is inside goes all the same.
    @Test func otherStatesStay() throws {
        for graph in [try Self.recurrent(.softplus), try Self.recurrent(.tanh, isGiven: true)] {
            let result = try StructuredPruning()(graph)
            #expect(try scan(result.graph).initializers["own"]?.shape == [4, 8])
            #expect(result.graph.initializers["w2"]?.shape == [8, 3])
            let reason = try #require(result.findings.first { $0.subject == "scan/own" }?.reason)
            #expect(reason.contains("scan (Scan) sums over it") || reason.contains("the model's input start"), "\(reason)")
        }
        try expectShrunkIsMasked(Self.recurrent(.softplus), ["x": TestModels.normal([6, 2, 5], seed: 9)])
    }

    /// Where data is asked for, bodies are pruned each for itself.
    @Test func bodiesStayWhereDataIsAskedFor() throws {
        let graph = try Self.recurrent(.tanh)
        let data = try Dataset([.init(name: "x", TestModels.normal([6, 2, 5], seed: 9))])
        let result = try StructuredPruning { $0.importance = "activation" }(graph, in: PassContext(calibration: data))
        #expect(try scan(result.graph).initializers["own"]?.shape == [8, 8])
    }

    /// Three rounds of x ← x + MLP(x) between two layers, the rounds' results collected.
    @Test func residualLoopsLoseTheirStreamsChannels() throws {
        let b = GraphBuilder("loop")
        let x = try b.input("x", .float32, [4, 6])
        let h = try b.add(MatMul(), x, b.constant("w1", TestModels.normal([6, 8])))
        let body = try Graph(
            name: "body",
            inputs: [
                GraphInput("round", ValueType(.int64, [])), GraphInput("go", ValueType(.bool, [])), GraphInput("state", ValueType(.float32, [4, 8])),
            ],
            outputs: ["go.on", "next", "middle"],
            nodes: [
                Node(name: "keep", op: Identity(), inputs: ["go"], outputs: ["go.on"]),
                Node(name: "up", op: MatMul(), inputs: ["state", "a"], outputs: ["wide"]),
                Node(name: "relu", op: Relu(), inputs: ["wide"], outputs: ["middle"]),
                Node(name: "down", op: MatMul(), inputs: ["middle", "b"], outputs: ["narrow"]),
                Node(name: "next", op: Add(), inputs: ["state", "narrow"], outputs: ["next"]),
            ], initializers: [("a", TestModels.normal([8, 12], seed: 2)), ("b", TestModels.normal([12, 8], seed: 3))])
        let results = try b.add(Loop(body), inputs: [b.constant("rounds", Tensor(scalar: Int64(3))), nil, h], outputs: 2, name: "loop")
        let ends = try [(results[0], 8), (results[1], 12)].enumerated().map { index, end in
            try b.add(MatMul(), end.0, b.constant("end\(index)", TestModels.normal([end.1, 3], seed: UInt64(7 + index))))
        }
        let graph = try b.graph(outputs: ends)
        let result = try StructuredPruning()(graph)
        #expect(["w1", "end0", "end1"].map { result.graph.initializers[$0]?.shape } == [[6, 4], [4, 3], [6, 3]])
        let loop = try #require(result.graph.node(named: "loop")?.op as? Loop)
        #expect(loop.body.initializers["a"]?.shape == [4, 6] && loop.body.initializers["b"]?.shape == [6, 4])
        try expectShrunkIsMasked(graph, ["x": TestModels.normal([4, 6], seed: 9)])
    }
}
