import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

/// Codes that bodies read of the graph around them.
struct CodesAroundBodiesTests {
    /// A choice between a product with codes, of an operator on codes or of DequantizeLinear, and what is the same or reads no codes.
    private static func graph(isPacked: Bool, isShared: Bool) throws -> Graph {
        let data = ValueType(.float32, ["N", 16])
        let codes = isPacked
            ? Tensor((0..<128).map { UInt8($0 * 53 % 256) }, shape: [16, 1, 8]) : Tensor((0..<256).map { Int8($0 * 37 % 201 - 100) }, shape: [16, 16])
        let scale = isPacked ? Tensor((0..<16).map { 0.01 * Float($0 + 1) }) : Tensor(scalar: Float(0.01))
        let product = isPacked
            ? [
                Node(
                    name: "product", op: MatMulNBits(depth: 16, columns: 16, bitWidth: 4, blockSize: 16), inputs: ["x", "w.codes", "s"],
                    outputs: ["chosen"])
            ]
            : [
                Node(name: "numbers", op: DequantizeLinear(), inputs: ["w.codes", "s"], outputs: ["numbers"]),
                Node(name: "product", op: MatMul(), inputs: ["x", "numbers"], outputs: ["chosen"]),
            ]
        let captures = ["x": data, "w.codes": ValueType(codes.elementType, codes.shape), "s": ValueType(.float32, scale.shape)]
        let coded = try Graph(name: "coded", inputs: [], outputs: ["chosen"], nodes: product, captures: captures)
        let other = try Graph(
            name: "other", inputs: [], outputs: ["chosen"], nodes: [Node(name: "other", op: Neg(), inputs: ["x"], outputs: ["chosen"])],
            captures: ["x": data])
        return try Graph(
            name: "choice", inputs: [GraphInput("x", data), GraphInput("condition", ValueType(.bool, []))], outputs: ["y"],
            nodes: [Node(name: "if", op: If(then: coded, else: isShared ? coded : other), inputs: ["condition"], outputs: ["y"])],
            initializers: [("w.codes", codes), ("s", scale)])
    }

    @Test(arguments: [false, true]) func codesOfOneBodyBecomeFloat(_ isPacked: Bool) throws {
        let graph = try Self.graph(isPacked: isPacked, isShared: false)
        let result = try Dequantization()(graph)
        let body = try #require(result.graph.node(named: "if")?.op.bodies["then_branch"])
        #expect(result.graph.initializers.isEmpty && body.initializers.keys.sorted() == ["w"] && body.initializers["w"]?.elementType == .float32)
        #expect(body.nodes.map(\.op.type.name) == ["MatMul"] && !result.findings.contains { $0.status == .skipped }, "\(result.findings)")
        #expect(result.findings.contains { $0.subject == "if/w.codes" && $0.status == .done }, "\(result.findings)")
        for condition in [0.0, 1] {
            let inputs = ["x": TestModels.normal([3, 16]), "condition": Tensor([condition], shape: [], as: .bool)]
            let (wanted, found) = (try #require(Session(graph).run(inputs)["y"]), try #require(Session(result.graph).run(inputs)["y"]))
            #expect(wanted.relativeError(of: found) < 1e-5)
        }
    }

    /// Codes of several bodies would be there in floats as often: they stay, and where they lie is said.
    @Test(arguments: [false, true]) func codesOfSeveralBodiesStay(_ isPacked: Bool) throws {
        let graph = try Self.graph(isPacked: isPacked, isShared: true)
        let result = try Dequantization()(graph)
        #expect(result.graph.text == graph.text && result.graph.initializers == graph.initializers)
        let reasons = result.findings.filter { $0.status == .skipped }.map(\.reason)
        let words = isPacked ? "; w.codes belongs to the graph around, and not to this body alone" : "its codes belong to the graph around"
        #expect(reasons.count == 2 && reasons.allSatisfy { $0.contains(words) }, "\(result.findings)")
    }

    /// What is no code stays around the body, and nothing is told of it.
    @Test func floatsStayAroundBodies() throws {
        let graph = try Zoo.loop()
        let result = try Dequantization()(graph)
        #expect(result.graph.text == graph.text && !result.findings.contains { $0.subject.contains("/") }, "\(result.findings)")
    }
}
