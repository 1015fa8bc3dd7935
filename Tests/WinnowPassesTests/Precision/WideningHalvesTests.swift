import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

/// float32 in the place of half precision, or a reason why not, and never a file that no runtime takes.
struct WideningHalvesTests {
    private static var pass: Dequantization { Dequantization { $0.halves = true } }

    private func half(_ extents: Shape, seed: UInt64 = 1) -> Tensor { TestModels.normal(extents, seed: seed).converted(to: .float16) }

    private func unknown(_ output: ValueType?) -> UnknownOperator {
        var op = UnknownOperator(OperatorType("Oddity", domain: "org.nobody"), attributes: [:], version: 1)
        op.outputTypes = [output]
        return op
    }

    private func expectSkipped(_ graph: Graph, _ words: String) throws {
        let result = try Self.pass(graph)
        #expect(result.graph.text == graph.text, "\(words)")
        #expect(result.findings.contains { $0.status == .skipped && $0.reason.contains(words) }, "\(result.findings)")
    }

    /// What an operator does with float32 that nobody knows to take it.
    @Test(arguments: [ValueType(.float16, [4, 4]), nil]) func unknownOperatorsKeepHalves(_ declared: ValueType?) throws {
        let graph = try Graph(
            name: "unknown", inputs: [GraphInput("x", ValueType(.float16, [4, 4]))], outputs: ["y"],
            nodes: [
                Node(name: "first", op: MatMul(), inputs: ["x", "w"], outputs: ["product"]),
                Node(name: "odd", op: unknown(declared), inputs: ["product"], outputs: ["odd"]),
                Node(name: "second", op: MatMul(), inputs: ["odd", "v"], outputs: ["y"]),
            ], initializers: [("w", half([4, 4])), ("v", half([4, 4], seed: 2))])
        try expectSkipped(graph, "node odd: reads product, which is float16, and operator org.nobody.Oddity is not known")
    }

    /// What it gives is of the type that the file declares, of an output too.
    @Test func unknownOperatorsMayGiveHalves() throws {
        func graph(_ declared: ValueType?, output: ValueType?) throws -> Graph {
            let b = GraphBuilder("unknown")
            let odd = try b.add(unknown(declared), b.input("t", .int64, [4, 4]), name: "odd")
            let product = try b.add(MatMul(), b.input("x", .float16, [4, 4]), b.constant("w", half([4, 4])), name: "product")
            var metadata = GraphMetadata()
            if let output { metadata.outputTypes["odd"] = output }
            return try b.graph(outputs: [product, odd], metadata: metadata)
        }
        try expectSkipped(graph(ValueType(.float16, [4, 4]), output: nil), "gives odd, which is float16")
        try expectSkipped(graph(nil, output: ValueType(.float16, [4, 4])), "gives odd, which is float16")
        try expectSkipped(graph(nil, output: nil), "gives odd, whose type the file does not say")
        for (declared, output) in [(ValueType(.float32, [4, 4]), nil), (nil, ValueType(.float32, [4, 4]))] as [(ValueType?, ValueType?)] {
            let result = try Self.pass(graph(declared, output: output))
            #expect(result.graph.initializers["w"]?.elementType == .float32 && !result.findings.contains { $0.status == .skipped })
        }
    }

    @Test func listsStayHalves() throws {
        let b = GraphBuilder("list")
        let x = try b.input("x", .float16, [4, 4])
        let product = try b.add(MatMul(), x, b.constant("w", half([4, 4])))
        try expectSkipped(b.graph(outputs: [b.add(SequenceConstruct(), product, x, name: "list")]), "list: is list of float16")
        let member = Node(name: "member", op: SequenceAt(), inputs: ["s", "place"], outputs: ["member"])
        let graph = try Graph(
            name: "members", inputs: [GraphInput("s", ValueType(listOf: .float16))], outputs: ["member"], nodes: [member],
            initializers: [("place", Tensor(scalar: Int64(0)))])
        try expectSkipped(graph, "s: is list of float16")
    }

    /// Types are attributes under several names.
    @Test func attributesThatNameTypesFollow() throws {
        let b = GraphBuilder("window")
        let window = try b.add(HannWindow(SignalWindowShape(target: .float16)), b.constant("n", Tensor(scalar: Int64(4))), name: "window")
        let graph = try b.graph(outputs: [b.add(Mul(), b.input("x", .float16, [4, 4]), window, name: "product")])
        let result = try Self.pass(graph)
        #expect((result.graph.node(named: "window")?.op as? HannWindow)?.shape.target == .float32, "\(result.findings)")
        let x = ["x": half([4, 4])]
        let (wanted, found) = (try #require(Session(graph).run(x).values.first), try #require(Session(result.graph).run(x).values.first))
        #expect(found.elementType == .float16 && wanted.relativeError(of: found) < 2e-3)
        let c = GraphBuilder("attention")
        let query = try c.add(Mul(), c.input("q", .float16, [1, 2, 4, 8]), c.constant("c", half([1])))
        let op = try Attention(attributes: ["softmax_precision": .int(ElementType.float16.rawValue)], version: 23)
        let attention = try c.add(op, query, query, query, name: "attention")
        let wide = try Self.pass(c.graph(outputs: [attention])).graph
        guard case .int(let code)? = wide.node(named: "attention")?.op.attributes["softmax_precision"] else { Issue.record("no precision"); return }
        #expect(code == ElementType.float32.rawValue)
    }

    /// Half precision need not be that of weights; once it is only that of inputs and outputs, nothing is left to do.
    @Test func activationsWidenToo() throws {
        let b = GraphBuilder("activations")
        let graph = try b.graph(outputs: [b.add(MatMul(), b.input("x", .float16, [4, 4]), b.input("z", .float16, [4, 4]), name: "product")])
        let result = try Self.pass(graph)
        let product = try #require(result.graph.node(named: "product"))
        #expect(product.inputs.allSatisfy { result.graph.type(of: $0)?.elementType == .float32 } && product.inputs.count == 2)
        #expect(result.findings.contains { $0.subject == "graph" && $0.status == .done })
        let again = try Self.pass(result.graph)
        #expect(again.graph.text == result.graph.text && !again.findings.contains { $0.status == .done })
    }
}
