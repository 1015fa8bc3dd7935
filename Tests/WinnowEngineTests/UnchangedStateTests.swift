import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor

/// States that leave a body as they came are read around it, and everything comes out as before.
struct UnchangedStateTests {
    private static let matrix = ValueType(.float32, [2, 2]), row = ValueType(.float32, [2]), rows = ValueType(.float32, ["N", 2])
    private static let counters = [GraphInput("round", ValueType(.int64, [])), GraphInput("go", ValueType(.bool, []))]
    private let inputs = ["x": Tensor([Float(1), 2, -3, 4], shape: [2, 2])]

    /// x ← x · kept + shift. Both go on as they are, and one is collected; a value of the body's own has the name of one around.
    private static func body() throws -> Graph {
        try Graph(
            name: "body", inputs: counters + [GraphInput("state", rows), GraphInput("kept", matrix), GraphInput("shift", row)],
            outputs: ["go.on", "next", "kept", "shift.on", "kept"],
            nodes: [
                Node(name: "product", op: MatMul(), inputs: ["state", "kept"], outputs: ["w"]),
                Node(name: "sum", op: Add(), inputs: ["w", "shift"], outputs: ["next"]),
                Node(name: "hand", op: Identity(), inputs: ["shift"], outputs: ["shift.on"]),
                Node(name: "keep", op: Identity(), inputs: ["go"], outputs: ["go.on"]),
            ])
    }

    private static func constants(rounds: Int) -> [(name: ValueName, tensor: Tensor)] {
        [
            ("rounds", Tensor(scalar: Int64(rounds))), ("w", Tensor([Float(1), -2, 3, 1], shape: [2, 2])), ("b", Tensor([Float(5), 7])),
        ]
    }

    private static func loop(rounds: Int) throws -> Graph {
        try Graph(
            name: "loop", inputs: [GraphInput("x", rows)], outputs: ["z", "b.end", "w.all"],
            nodes: [
                Node(name: "loop", op: Loop(body()), inputs: ["rounds", "", "x", "w", "b"], outputs: ["y", "w.end", "b.end", "w.all"]),
                Node(name: "after", op: MatMul(), inputs: ["y", "w.end"], outputs: ["z"]),
            ], initializers: constants(rounds: rounds))
    }

    /// The loop in the body of another, which hands on what the inner one does.
    private static func nested(rounds: Int) throws -> Graph {
        let outer = try Graph(
            name: "outer", inputs: [GraphInput("turn", ValueType(.int64, [])), GraphInput("on", ValueType(.bool, []))]
                + [GraphInput("s", rows), GraphInput("m", matrix), GraphInput("v", row)],
            outputs: ["on.on", "t", "m.end", "v.end"],
            nodes: [
                Node(name: "inner", op: Loop(body()), inputs: ["inner.rounds", "", "s", "m", "v"], outputs: ["t", "m.end", "v.end"]),
                Node(name: "keep", op: Identity(), inputs: ["on"], outputs: ["on.on"]),
            ], initializers: [("inner.rounds", Tensor(scalar: Int64(2)))])
        return try Graph(
            name: "nested", inputs: [GraphInput("x", rows)], outputs: ["y", "w.end"],
            nodes: [Node(name: "loop", op: Loop(outer), inputs: ["rounds", "", "x", "w", "b"], outputs: ["y", "w.end"])],
            initializers: constants(rounds: rounds))
    }

    @Test(arguments: [0, 1, 3]) func loopsReadThemAround(rounds: Int) throws {
        let graph = try Self.loop(rounds: rounds)
        let read = try graph.capturingUnchangedStates()
        let loop = try #require(read.node(named: "loop"))
        #expect(loop.inputs == ["rounds", "", "x"] && loop.outputs == ["y", "w.all"])
        #expect(loop.op.bodies["body"]?.captures == ["w": Self.matrix, "b": Self.row])
        #expect(read.node(named: "after")?.inputs == ["y", "w"] && read.outputs == graph.outputs)
        // The state that is left keeps its type.
        #expect(read.type(of: "y") == Self.rows && read.type(of: "z") == Self.rows)
        #expect(try Session(read).run(inputs) == Session(graph).run(inputs))
        #expect(try read.capturingUnchangedStates().text == read.text)
    }

    @Test(arguments: [0, 1, 3]) func bodiesOfBodiesReadThemAround(rounds: Int) throws {
        let graph = try Self.nested(rounds: rounds)
        let read = try graph.capturingUnchangedStates()
        let loop = try #require(read.node(named: "loop"))
        #expect(loop.inputs == ["rounds", "", "x"] && loop.op.capturedValues == ["b", "w"])
        let inner = try #require(loop.op.bodies["body"]?.node(named: "inner"))
        #expect(inner.inputs == ["inner.rounds", "", "s"] && inner.op.bodies["body"]?.captures == ["w": Self.matrix, "b": Self.row])
        #expect(read.type(of: "y") == Self.rows)
        #expect(try Session(read).run(inputs) == Session(graph).run(inputs))
    }

    @Test func scansReadThemAround() throws {
        let body = try Graph(
            name: "body", inputs: [GraphInput("state", Self.row), GraphInput("kept", Self.matrix), GraphInput("item", Self.row)],
            outputs: ["next", "kept", "next"],
            nodes: [
                Node(name: "product", op: MatMul(), inputs: ["item", "kept"], outputs: ["turned"]),
                Node(name: "sum", op: Add(), inputs: ["turned", "state"], outputs: ["next"]),
            ])
        let graph = try Graph(
            name: "scan", inputs: [GraphInput("x", Self.rows)], outputs: ["sums", "w.end"],
            nodes: [Node(name: "scan", op: Scan(body, scannedInputs: 1), inputs: ["b", "w", "x"], outputs: ["", "w.end", "sums"])],
            initializers: Self.constants(rounds: 1).filter { $0.name != "rounds" })
        let read = try graph.capturingUnchangedStates()
        let scan = try #require(read.node(named: "scan"))
        #expect(scan.inputs == ["b", "x"] && scan.outputs == ["", "sums"] && scan.op.capturedValues == ["w"])
        #expect(read.type(of: "sums") == Self.rows)
        #expect(try Session(read).run(inputs) == Session(graph).run(inputs))
    }

    /// A state that changes, and a list, stay what they are.
    @Test func otherStatesStay() throws {
        let body = try Graph(
            name: "body", inputs: Self.counters + [GraphInput("state", Self.rows), GraphInput("list", ValueType(listOf: .float32))],
            outputs: ["go", "next", "list"], nodes: [Node(name: "product", op: Mul(), inputs: ["state", "state"], outputs: ["next"])])
        let graph = try Graph(
            name: "loop", inputs: [GraphInput("x", Self.rows)], outputs: ["y"],
            nodes: [
                Node(name: "parts", op: SequenceConstruct(), inputs: ["x"], outputs: ["parts"]),
                Node(name: "loop", op: Loop(body), inputs: ["rounds", "", "x", "parts"], outputs: ["y"]),
            ], initializers: Array(Self.constants(rounds: 2).prefix(1)))
        #expect(try graph.capturingUnchangedStates().text == graph.text)
    }

    /// Steps of a plan are all that takes time: loops, and what is planned once they have run.
    @Test func plansListLoops() throws {
        let plan = try Session(Self.loop(rounds: 3)).plan(for: ["x": [2, 2]])
        try plan.setInput("x", #require(inputs["x"]))
        let steps = try PlanStepTiming.measure(plan, seconds: 0)
        let loop = try #require(steps.first { $0.operatorType == "Loop" })
        #expect(loop.node == "loop" && loop.outputShape == [2, 2] && loop.medianMilliseconds > 0)
        #expect(steps.contains { $0.node == "after" } && abs(steps.reduce(0) { $0 + $1.share } - 1) < 1e-9)
        #expect(loop.share == loop.medianMilliseconds / steps.reduce(0) { $0 + $1.medianMilliseconds })
    }
}
