import Testing
import WinnowGraph
import WinnowTensor

/// y = x, with a name of its own.
private struct Copy: Operator {
    static let type = OperatorType("Copy", domain: "test")
    init() {}
    init(attributes: Attributes, version: Int) throws {}
    func outputs(for inputs: [ValueInfo?]) throws -> [ValueInfo] {
        guard let input = inputs.first ?? nil else { throw WinnowError(.model, "", "input 0 is missing") }
        return [ValueInfo(input.type)]
    }
    func kernel(for request: KernelRequest) throws -> Kernel { .view }
}

@Suite struct GraphTests {
    private func node(_ name: String, _ input: String, _ output: String) -> Node {
        Node(name: name, op: Copy(), inputs: [input], outputs: [output])
    }

    private func chain(_ nodes: [Node], outputs: [String] = ["c"]) throws -> Graph {
        try Graph(
            name: "chain", inputs: [GraphInput("x", ValueType(.float32, ["N", 4]))], outputs: outputs, nodes: nodes)
    }

    @Test func nodesAreSortedAndTyped() throws {
        let graph = try chain([node("third", "b", "c"), node("first", "x", "a"), node("second", "a", "b")])
        #expect(graph.nodes.map(\.name) == ["first", "second", "third"])
        #expect(graph.type(of: "c") == ValueType(.float32, ["N", 4]))
    }

    @Test func brokenGraphsAreNamed() throws {
        #expect(throws: WinnowError.self) { try chain([node("a", "missing", "c")]) }
        #expect(throws: WinnowError.self) { try chain([node("a", "x", "c"), node("b", "x", "c")]) }
        #expect(throws: WinnowError.self) { try chain([node("a", "x", "c"), node("a", "x", "d")]) }
        #expect(throws: WinnowError.self) { try chain([node("a", "b", "c"), node("b", "c", "b")]) }
        #expect(throws: WinnowError.self) { try chain([node("a", "x", "b")]) }
    }

    @Test func anEditRewiresReadersAndOutputs() throws {
        let graph = try chain([node("first", "x", "a"), node("second", "a", "b"), node("third", "b", "c")])
        var edit = GraphEdit()
        edit.removedNodes = ["second"]
        edit.rewired = ["b": "a"]
        let edited = try graph.applying(edit)
        #expect(edited.nodes.map(\.inputs) == [["x"], ["a"]])
        #expect(graph.nodes.count == 3)
        var last = GraphEdit()
        last.removedNodes = ["third"]
        last.rewired = ["c": "b"]
        #expect(try graph.applying(last).outputNames == ["b"])
    }

    /// Law: several edits together are the same edits one after the other.
    @Test(arguments: 0..<100) func editsTogetherAreEditsInTurn(seed: Int) throws {
        var random = RandomGenerator(seed: UInt64(seed))
        var nodes: [Node] = []
        var values = ["x"]
        for index in 0..<12 {
            nodes.append(node("n\(index)", values[Int(random.next() % UInt64(values.count))], "v\(index)"))
            values.append("v\(index)")
        }
        let graph = try chain(nodes, outputs: ["v11", "v6"])
        // Each edit bypasses a node or puts another in its place; later ones may touch what earlier ones added.
        var edits: [GraphEdit] = []
        var current = graph
        for number in 0..<6 {
            let chosen = current.nodes[Int(random.next() % UInt64(current.nodes.count))]
            var edit = GraphEdit(replacing: [chosen.name], with: [])
            if random.next() % 2 == 0, chosen.inputs[0] != "x" || !current.outputs.contains(chosen.outputs[0]) {
                edit.rewired = [chosen.outputs[0]: chosen.inputs[0]]
            } else {
                edit.addedNodes = [
                    node("\(chosen.name).\(number)", chosen.inputs[0], "added\(number)"),
                    node(chosen.name, "added\(number)", chosen.outputs[0]),
                ]
            }
            guard let next = try? current.applying(edit) else { continue }
            (current, edits) = (next, edits + [edit])
        }
        let together = try graph.applying(edits)
        #expect(Set(together.text.split(separator: "\n")) == Set(current.text.split(separator: "\n")))
        #expect(together.outputs == current.outputs)
    }

    @Test func unreadNodesAndInitializersGo() throws {
        var edit = GraphEdit()
        edit.initializers = [("w", Tensor([1] as [Float]))]
        edit.addedNodes = [node("side", "w", "unread")]
        let graph = try chain([node("only", "x", "c")]).applying(edit)
        #expect(graph.initializerNames == ["w"])
        let cleaned = try graph.removingDeadNodes()
        #expect(cleaned.nodes.map(\.name) == ["only"])
        #expect(cleaned.initializerNames.isEmpty)
    }

    @Test func theIndexKnowsSoleConsumers() throws {
        let graph = try chain([node("first", "x", "a"), node("left", "a", "b"), node("right", "a", "c")], outputs: ["b", "c"])
        let index = GraphIndex(graph)
        #expect(index.soleConsumer(of: "a") == nil)
        #expect(index.consumers(of: "a").map(\.name) == ["left", "right"])
        #expect(index.soleConsumer(of: "b") == nil)
        #expect(index.producer(of: "a")?.name == "first")
    }

    @Test func theTextIsStable() throws {
        let graph = try chain([node("first", "x", "c")])
        #expect(graph.text == """
            graph chain (%x: float32[N, 4]) {
              %c: float32[N, 4] = test.Copy(%x)  # first
              return %c
            }
            """)
    }

    @Test func theBuilderNamesValuesAndExtendsGraphs() throws {
        let builder = GraphBuilder("built")
        let x = try builder.input("x", .float32, ["N", 3])
        let y = try builder.add(Copy(), builder.add(Copy(), x))
        let graph = try builder.graph(outputs: [y])
        #expect(graph.nodes.map(\.name) == ["copy", "copy_1"])
        let extension_ = GraphBuilder(extending: graph)
        let z = try extension_.add(Copy(), y)
        var edit = extension_.edit()
        edit.outputs = [z]
        #expect(try graph.applying(edit).nodes.count == 3)
    }
}
