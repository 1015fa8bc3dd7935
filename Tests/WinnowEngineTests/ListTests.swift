import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
import WinnowTraining

/// Lists and optionals: put together by the graph, they are gone when it is planned; others run between plans.
struct ListTests {
    private func positions(_ numbers: Int...) -> Tensor { Tensor(numbers.map { Int64($0) }) }

    /// The first and last column of x, then the whole again, by a list of its columns.
    private func columns() throws -> (GraphBuilder, ValueName) {
        let b = GraphBuilder("columns")
        let x = try b.input("x", .float32, ["N", 3])
        let list = try b.add(SplitToSequence(axis: 1), x)
        let last = try b.add(SequenceAt(), list, b.constant("last", Tensor(scalar: Int64(-1))))
        let shorter = try b.add(SequenceErase(), list)
        let again = try b.add(ConcatFromSequence(axis: 1), b.add(SequenceInsert(), shorter, b.add(Mul(), last, last)))
        let count = try b.add(Cast(to: .float32), b.add(SequenceLength(), list))
        return (b, try b.add(Mul(), again, count, name: "y"))
    }

    @Test func listsOfKnownMembersAreGone() throws {
        let (b, y) = try columns()
        let graph = try b.graph(outputs: [y])
        let lowered = try graph.lowered()
        #expect(!lowered.nodes.contains { $0.op is any InterpretedOperator && !($0.op is Identity) }, "\(lowered)")
        let x = Tensor([Float(1), 2, 3, 4, 5, 6], shape: [2, 3])
        #expect(try Session(graph).run(["x": x])["y"]?.floats() == [3, 6, 27, 12, 15, 108])
        #expect(try Session(graph, options: SessionOptions(lowers: false)).run(["x": x])["y"]?.floats() == [3, 6, 27, 12, 15, 108])
    }

    /// Chunks whose parts are read one by one are Split from the start; a list that something else reads stays.
    @Test(arguments: [false, true]) func listsReadByPlacesAreSplit(countsParts: Bool) throws {
        let b = GraphBuilder("chunks")
        let x = try b.input("x", .float32, ["N", 4])
        let list = try b.add(SplitToSequence(axis: -1), x, b.constant("width", Tensor(scalar: Int64(2))))
        func part(_ place: Int64) throws -> ValueName { try b.add(SequenceAt(), list, b.constant("place", Tensor(scalar: place))) }
        var y = try b.subtract(part(0), part(-1))
        if countsParts { y = try b.multiply(y, b.add(Cast(to: .float32), b.add(SequenceLength(), list))) }
        let graph = try b.graph(outputs: [y])
        let taken = try graph.takingKnownLists()
        #expect(taken.nodes.contains { $0.op is any ListOperator } == countsParts)
        #expect(countsParts ? taken.text == graph.text : taken.type(of: y)?.extents == ["N", 2])
        let input = ["x": Tensor([Float(1), 2, 30, 40], shape: [1, 4])]
        #expect(try Session(taken).run(input)[y]?.floats() == (countsParts ? [-58, -76] : [-29, -38]))
    }

    @Test func membersOfOutputsHaveNumbers() throws {
        let b = GraphBuilder("halves")
        let x = try b.input("x", .float32, ["N", 4])
        let list = try b.add(SplitToSequence(axis: 1), x, b.constant("width", Tensor(scalar: Int64(2))), name: "s")
        let session = try Session(b.graph(outputs: [list, b.add(Neg(), x, name: "y")]))
        let results = try session.run(["x": Tensor([Float(1), 2, 3, 4], shape: [1, 4])])
        #expect(results.mapValues { $0.floats() } == ["s.0": [1, 2], "s.1": [3, 4], "y": [-1, -2, -3, -4]])
    }

    @Test func theyAreDifferentiated() throws {
        let (b, y) = try columns()
        let loss = try b.add(ReduceSum(axes: nil, keepsAxes: false), y)
        let graph = try b.graph(outputs: [loss]).trainingForm()
        let (extended, gradients) = try Differentiation.gradients(of: loss, withRespectTo: ["x"], in: graph)
        var edit = GraphEdit()
        let gradient = try #require(gradients["x"])
        edit.outputs = [gradient]
        let result = try Session(extended.applying(edit)).run(["x": Tensor([Float(1), 2, 3, 4, 5, 6], shape: [2, 3])])
        #expect(result[gradient]?.floats() == [3, 3, 18, 3, 3, 36])
    }

    /// A list that a loop makes longer, as torch writes `append`.
    private func appending(inputIsList: Bool) throws -> Graph {
        let list = ValueType(listOf: .float32)
        let body = try Graph(
            name: "body", inputs: [GraphInput("i", ValueType(.int64, Shape([]))), GraphInput("go", ValueType(.bool, Shape([]))), GraphInput("so far", list)],
            outputs: ["on", "longer"],
            nodes: [
                Node(name: "on", op: Identity(), inputs: ["go"], outputs: ["on"]),
                Node(name: "number", op: Cast(to: .float32), inputs: ["i"], outputs: ["number"]),
                Node(name: "row", op: Mul(), inputs: ["x", "number"], outputs: ["row"]),
                Node(name: "longer", op: SequenceInsert(), inputs: ["so far", "row"], outputs: ["longer"]),
            ], captures: ["x": ValueType(.float32, ["N"])])
        let start = inputIsList ? "start" : "empty"
        var nodes = [
            Node(name: "loop", op: Loop(body), inputs: ["count", "", start], outputs: ["rows"]),
            Node(name: "stacked", op: ConcatFromSequence(axis: 0, addsAxis: true), inputs: ["rows"], outputs: ["stacked"]),
            Node(name: "y", op: Neg(), inputs: ["stacked"], outputs: ["y"]),
        ]
        if !inputIsList { nodes.insert(Node(name: "empty", op: SequenceEmpty(), inputs: [], outputs: ["empty"]), at: 0) }
        return try Graph(
            name: "appending",
            inputs: [GraphInput("x", ValueType(.float32, ["N"])), GraphInput("count", ValueType(.int64, Shape([])))]
                + (inputIsList ? [GraphInput("start", list)] : []), outputs: ["y", "rows"], nodes: nodes)
    }

    @Test func loopsAppend() throws {
        let (x, count) = (Tensor([Float(1), 2]), Tensor(scalar: Int64(3)))
        let session = try Session(appending(inputIsList: false))
        #expect(try session.run(["x": x, "count": count])["y"]?.floats() == [0, 0, -1, -2, -2, -4])
        let longer = try session.run(values: ["x": .tensor(x), "count": .tensor(Tensor(scalar: Int64(4)))])
        #expect(longer["rows"]?.list?.count == 4)
    }

    @Test func listsComeAndGo() throws {
        let session = try Session(appending(inputIsList: true))
        let given: [ValueName: Datum] = [
            "x": .tensor(Tensor([Float(1), 2])), "count": .tensor(Tensor(scalar: Int64(1))), "start": .list([Tensor([Float(5), 6])]),
        ]
        #expect(try session.run(values: given)["rows"]?.list == [Tensor([Float(5), 6]), Tensor([Float(0), 0])])
        var missing = given
        missing["start"] = nil
        #expect(throws: WinnowError.self) { try session.run(values: missing) }
        #expect(throws: WinnowError.self) { try session.run(values: given.merging(["start": .tensor(Tensor([Float(1)]))]) { $1 }) }
    }

    @Test func optionalsMayBeNothing() throws {
        var type = ValueType(.float32, ["N"])
        type.isOptional = true
        func branch(_ name: String, _ op: any Operator, _ inputs: [ValueName], captures: [ValueName: ValueType]) throws -> Graph {
            try Graph(name: name, inputs: [], outputs: [name], nodes: [Node(name: name, op: op, inputs: inputs, outputs: [name])], captures: captures)
        }
        let choice = If(
            then: try branch("held", OptionalGetElement(), ["x"], captures: ["x": type]),
            else: try branch("other", Identity(), ["d"], captures: ["d": ValueType(.float32, ["N"])]))
        let graph = try Graph(
            name: "optional", inputs: [GraphInput("x", type), GraphInput("d", ValueType(.float32, ["N"]))], outputs: ["y"],
            nodes: [
                Node(name: "has", op: OptionalHasElement(), inputs: ["x"], outputs: ["has"]),
                Node(name: "choice", op: choice, inputs: ["has"], outputs: ["chosen"]), Node(name: "y", op: Neg(), inputs: ["chosen"], outputs: ["y"]),
            ])
        let session = try Session(graph)
        let (x, d) = (Tensor([Float(1), 2]), Tensor([Float(3)]))
        #expect(try session.run(["x": x, "d": d])["y"] == Tensor([Float(-1), -2]))
        #expect(try session.run(["d": d])["y"] == Tensor([Float(-3)]))
    }
}
