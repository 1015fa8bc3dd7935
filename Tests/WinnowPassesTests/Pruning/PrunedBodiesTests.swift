import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

/// Networks inside the bodies of If and Loop lose channels; so does what goes in and out of the branches of If.
struct PrunedBodiesTests {
    /// 6 → 8 → 6 in a body, its weights in the body itself or among the graph's constants.
    private static func layers(_ from: ValueName, _ to: ValueName, _ weights: [ValueName]) -> [Node] {
        [
            Node(name: "first", op: MatMul(), inputs: [from, weights[0]], outputs: ["\(to).hidden"]),
            Node(name: "relu", op: Relu(), inputs: ["\(to).hidden"], outputs: ["\(to).relu"]),
            Node(name: "second", op: MatMul(), inputs: ["\(to).relu", weights[1]], outputs: [to]),
        ]
    }

    private static let types = ["a": ValueType(.float32, [6, 8]), "b": ValueType(.float32, [8, 6]), "x": ValueType(.float32, ["N", 6])]
    private static func weights(_ seed: UInt64) -> [(name: ValueName, tensor: Tensor)] {
        [("own.a", TestModels.normal([6, 8], seed: seed)), ("own.b", TestModels.normal([8, 6], seed: seed + 1))]
    }

    /// One branch has its weights itself, the other reads the graph's.
    static func branches(shared: Bool = false) throws -> Graph {
        let b = GraphBuilder("branches")
        let (x, condition) = (try b.input("x", .float32, ["N", 6]), try b.input("condition", .bool, []))
        let constants = [b.constant("a", TestModels.normal([6, 8])), b.constant("b", TestModels.normal([8, 6], seed: 2))]
        let own = try Graph(
            name: "own", inputs: [], outputs: ["y"], nodes: layers(x, "y", ["own.a", "own.b"]), initializers: weights(7),
            captures: ["x": try #require(types["x"])])
        let reading = try Graph(name: "reading", inputs: [], outputs: ["y"], nodes: layers(x, "y", constants), captures: types)
        return try b.graph(outputs: [b.add(If(then: shared ? reading : own, else: reading), condition, name: "choice")])
    }

    /// Three rounds of x ← MLP(x), with an If in the body around the layers.
    static func loop() throws -> Graph {
        let b = GraphBuilder("loop")
        let x = try b.input("x", .float32, ["N", 6])
        for (name, seed) in [("a", 1), ("b", 2)] as [(String, UInt64)] {
            _ = b.constant(name, TestModels.normal(name == "a" ? [6, 8] : [8, 6], seed: seed))
        }
        let inner = try Graph(
            name: "inner", inputs: [], outputs: ["y"], nodes: layers("state", "y", ["a", "b"]),
            captures: types.filter { $0.key != "x" }.merging(["state": ValueType(.float32, ["N", 6])]) { $1 })
        let same = try Graph(
            name: "same", inputs: [], outputs: ["z"], nodes: [Node(name: "z", op: Identity(), inputs: ["state"], outputs: ["z"])],
            captures: ["state": ValueType(.float32, ["N", 6])])
        let body = try Graph(
            name: "body",
            inputs: [
                GraphInput("round", ValueType(.int64, [])), GraphInput("go", ValueType(.bool, [])),
                GraphInput("state", ValueType(.float32, ["N", 6])),
            ],
            outputs: ["go.on", "next"],
            nodes: [
                Node(name: "keep", op: Identity(), inputs: ["go"], outputs: ["go.on"]),
                Node(name: "inside", op: If(then: inner, else: same), inputs: ["go"], outputs: ["next"]),
            ], captures: types.filter { $0.key != "x" })
        let state = try b.add(Loop(body), inputs: [b.constant("rounds", Tensor(scalar: Int64(3))), nil, x], name: "loop")[0]
        return try b.graph(outputs: [b.add(Identity(), state, name: "y")])
    }

    @Test func bothBranchesShrink() throws {
        let graph = try Self.branches()
        let pruned = try StructuredPruning()(graph)
        #expect(pruned.graph.parameterCount * 2 == graph.parameterCount)
        for name in ["choice/own.a", "a"] {
            let finding = try #require(pruned.findings.first { $0.subject == name })
            #expect(finding.status == .done && finding.before == 8 && finding.after == 4, "\(name)")
        }
        #expect(!pruned.findings.contains { $0.reason.contains("leaves alone") || $0.status == .skipped })
    }

    @Test(arguments: [true, false]) func branchesComputeWhatTheyComputeWithZeros(_ condition: Bool) throws {
        let graph = try Self.branches()
        let inputs = ["x": TestModels.normal([3, 6], seed: 9), "condition": Tensor([condition], shape: [])]
        let shrunk = try StructuredPruning()(graph).graph
        let masked = try StructuredPruning { $0.remove = false }(graph).graph
        #expect(masked.parameterCount == graph.parameterCount)
        let (a, b, dense) = (try Session(shrunk).run(inputs), try Session(masked).run(inputs), try Session(graph).run(inputs))
        let name = graph.outputNames[0]
        let (x, y, z) = (try #require(a[name]).floats(), try #require(b[name]).floats(), try #require(dense[name]).floats())
        #expect(zip(x, y).allSatisfy { abs($0 - $1) < 1e-5 } && zip(x, z).contains { abs($0 - $1) > 1e-3 })
    }

    @Test func bodiesOfBodiesShrink() throws {
        let graph = try Self.loop()
        let result = try StructuredPruning()(graph)
        #expect(result.graph.parameterCount * 2 == graph.parameterCount)
        #expect(result.findings.contains { $0.subject == "a" && $0.after == 4 })
        let masked = try StructuredPruning { $0.remove = false }(graph).graph
        let inputs = ["x": TestModels.normal([3, 6], seed: 9)]
        let (a, b) = (try Session(result.graph).run(inputs), try Session(masked).run(inputs))
        let (x, y) = (try #require(a["y"]).floats(), try #require(b["y"]).floats())
        #expect(zip(x, y).allSatisfy { abs($0 - $1) < 1e-5 })
    }

    /// What bodies are run on is not known: what asks for data is told so.
    @Test func whatNeedsDataIsSaid() throws {
        let data = try Dataset([.init(name: "x", TestModels.normal([16, 6], seed: 9))])
        let pass = StructuredPruning { ($0.importance, $0.repairing.repair) = ("activation", .bias) }
        let result = try pass(Self.loop(), in: PassContext(calibration: data))
        let said = result.findings.filter { $0.subject == "loop/inside/graph" && $0.status == .fellBack }.map(\.reason)
        #expect(said.count == 2 && said[0].contains("l2") && said[1].contains("not repaired"))
        #expect(result.graph.parameterCount * 2 == (try Self.loop()).parameterCount)
    }

    /// What two bodies read, what a budget of the whole model counts, and what is excepted stays, and is named.
    @Test func whatStaysIsNamed() throws {
        let shared = try StructuredPruning()(Self.branches(shared: true))
        #expect(shared.graph.parameterCount * 2 == (try Self.branches(shared: true)).parameterCount)
        #expect(shared.findings.contains { $0.subject == "a" && $0.status == .done && $0.after == 4 })
        let budget = try StructuredPruning { $0.limits.budget = .parameters }(Self.branches())
        #expect(budget.findings.contains { $0.subject == "choice/own.a" && $0.status == .done })
        #expect(budget.graph.parameterCount * 2 <= (try Self.branches()).parameterCount)
        let excepted = try StructuredPruning { $0.choice.except = ["own.a"] }(Self.branches())
        #expect(excepted.findings.contains { $0.subject == "choice/own.a" && $0.status == .kept && $0.reason.contains("excepted") })
        let ruled = try StructuredPruning { $0.limits.rules = ["own.a": 0.25] }(Self.branches())
        #expect(ruled.findings.contains { $0.subject == "choice/own.a" && $0.after == 6 })
        #expect(throws: WinnowError.self) { try StructuredPruning { $0.limits.rules = ["none*": 0.25] }(Self.branches()) }
    }

    /// x → 8 channels → either branch, in one of them another choice → 3: the channels go on both sides of every border.
    private static func crossed() throws -> Graph {
        let b = GraphBuilder("crossed")
        let (x, condition, other) = (try b.input("x", .float32, [4, 6]), try b.input("condition", .bool, []), try b.input("other", .bool, []))
        let h = try b.add(Relu(), b.add(MatMul(), x, b.constant("w1", TestModels.normal([6, 8])), name: "first"), name: "h")
        let wide = ValueType(.float32, [4, 8])
        func layer(_ from: ValueName, _ to: ValueName, _ captures: [ValueName: ValueType], seed: UInt64) throws -> Graph {
            try Graph(
                name: to, inputs: [], outputs: [to],
                nodes: [
                    Node(name: "layer", op: MatMul(), inputs: [from, "w"], outputs: ["product"]),
                    Node(name: "shift", op: Add(), inputs: ["product", "c"], outputs: [to]),
                ],
                initializers: [("w", TestModels.normal([8, 8], seed: seed)), ("c", TestModels.normal([8], seed: seed + 1))], captures: captures)
        }
        let relu = try Graph(
            name: "relu", inputs: [], outputs: ["z"], nodes: [Node(name: "relu", op: Relu(), inputs: ["t"], outputs: ["z"])],
            captures: ["t": wide])
        let nested = try Graph(
            name: "nested", inputs: [], outputs: ["y"],
            nodes: [
                Node(name: "double", op: Add(), inputs: [h, h], outputs: ["t"]),
                Node(name: "inner", op: If(then: layer("t", "z", ["t": wide], seed: 3), else: relu), inputs: [other], outputs: ["y"]),
            ], captures: [h: wide, other: ValueType(.bool, [])])
        let op = If(then: nested, else: try layer(h, "y", [h: wide], seed: 5))
        let chosen = try b.add(op, condition, name: "choice")
        return try b.graph(outputs: [b.add(MatMul(), chosen, b.constant("w2", TestModels.normal([8, 3], seed: 9)), name: "y")])
    }

    @Test(arguments: [true, false], [true, false]) func channelsGoOnBothSidesOfBorders(_ condition: Bool, _ other: Bool) throws {
        let graph = try Self.crossed()
        let inputs = [
            "x": TestModels.normal([4, 6], seed: 9), "condition": Tensor([condition], shape: []), "other": Tensor([other], shape: []),
        ]
        let result = try StructuredPruning()(graph)
        let masked = try StructuredPruning { $0.remove = false }(graph).graph
        #expect(result.graph.initializers["w1"]?.shape == [6, 4] && result.graph.initializers["w2"]?.shape == [4, 3])
        #expect(result.graph.nodes.contains { $0.name == "choice" && $0.op is If } && !result.graph.nodes.contains { $0.op is Where })
        let branch = try #require((result.graph.node(named: "choice")?.op as? If)?.elseBranch)
        #expect(branch.initializers["w"]?.shape == [4, 4] && branch.initializers["c"]?.shape == [4] && branch.nodes.map(\.name) == ["layer", "shift"])
        #expect(result.findings.contains { $0.subject == "choice/inner/w" && $0.after == 4 })
        let runs = try [result.graph, masked, graph].map { try #require(try Session($0).run(inputs)["y"]).floats() }
        #expect(zip(runs[0], runs[1]).allSatisfy { abs($0 - $1) < 1e-5 } && zip(runs[0], runs[2]).contains { abs($0 - $1) > 1e-3 })
    }

    /// An operator's type is a choice of weights too.
    @Test func typesAreExcepted() throws {
        let graph = try TestModels.convolutional()
        let result = try MagnitudePruning { $0.choice.except = ["Conv"] }(graph)
        for finding in result.findings where finding.subject.hasPrefix("conv") && finding.subject.hasSuffix("weight") {
            #expect(finding.status == .kept && finding.reason == "excepted by Conv", "\(finding.subject)")
        }
        #expect(result.findings.contains { $0.subject == "fc1.weight" && $0.status == .done })
        #expect(throws: WinnowError.self) { try MagnitudePruning { $0.choice.except = ["ConvTranspose"] }(graph) }
    }
}
