import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

/// MatMulInteger and ConvInteger become MatMul and Conv, wherever their codes and scales come from.
struct IntegerSumsTests {
    struct Form: Sendable, CustomTestStringConvertible {
        var isConv = false
        /// Whether the data is rounded under constant scales.
        var isStatic = false
        /// Whether nodes move the filter's constant codes.
        var isMoved = false
        /// Whether one constant is the product of all scales.
        var isFolded = false

        var testDescription: String { "conv \(isConv) static \(isStatic) moved \(isMoved) folded \(isFolded)" }
    }

    private static let forms = [false, true].flatMap { conv in
        [
            Form(isConv: conv), Form(isConv: conv, isMoved: true),
            Form(isConv: conv, isStatic: true), Form(isConv: conv, isStatic: true, isMoved: true),
            Form(isConv: conv, isStatic: true, isFolded: true), Form(isConv: conv, isStatic: true, isMoved: true, isFolded: true),
        ]
    }

    private static let step: Float = 0.02

    private static func codes(_ shape: Shape) -> Tensor {
        Tensor((0..<shape.elementCount).map { Int8($0 * 37 % 201 - 100) }, shape: shape)
    }

    private static func scales(_ count: Int) -> [Float] { (0..<count).map { 0.001 * Float($0 + 1) } }

    /// Sums of codes as an exporter writes them, and the same of floats.
    private static func graphs(_ form: Form) throws -> (coded: Graph, wanted: Graph) {
        let (b, c) = (GraphBuilder("coded"), GraphBuilder("wanted"))
        let extents: Shape = form.isConv ? [1, 3, 6, 6] : [4, 8]
        let codes = codes(form.isConv ? [5, 3, 3, 3] : [8, 5])
        let order = form.isConv ? [1, 0, 2, 3] : [1, 0]
        let column: Shape = form.isConv ? [5, 1, 1] : [5]
        let x = try b.input("x", .float32, extents.map { .fixed($0) })
        let data: [ValueName]
        if form.isStatic {
            let (scale, zero) = (b.constant("s", Tensor(scalar: step)), b.constant("z", Tensor(scalar: UInt8(128))))
            data = [try b.add(QuantizeLinear(), x, scale, zero, name: "q"), scale, zero]
        } else {
            data = try b.add(DynamicQuantizeLinear(), inputs: [x], outputs: 3, name: "q")
        }
        let filter = form.isMoved
            ? try b.add(Transpose(order), b.constant("w.codes", codes.transposed(order))) : b.constant("w.codes", codes)
        let op: any Operator = form.isConv ? ConvInteger(Conv(stride: 1, padding: 1)) : MatMulInteger()
        let sums = try b.add(op, data[0], filter, data[2], b.constant("wz", Tensor(scalar: Int8(0))), name: "sums")
        let scales = scales(5)
        let factor = form.isFolded
            ? b.constant("factor", Tensor(scales.map { $0 * step }, shape: column))
            : try b.add(Mul(), data[1], b.constant("ws", Tensor(scales, shape: column)))
        let coded = try b.graph(outputs: [b.add(Mul(), b.add(Cast(to: .float32), sums), factor, name: "y")])
        let inner = form.isConv ? 27 : 1
        let numbers = codes.floats().enumerated().map { $1 * scales[$0 / inner % 5] }
        let float: any Operator = form.isConv ? Conv(stride: 1, padding: 1) : MatMul()
        let weight = c.constant("w", Tensor(numbers, shape: codes.shape))
        let product = try c.add(float, c.input("x", .float32, extents.map { .fixed($0) }), weight, name: "y")
        return (coded, try c.graph(outputs: [product]))
    }

    private func expectFloat(_ result: PassResult, _ what: String) {
        let kept = result.graph.nodes.filter {
            $0.op is QuantizeLinear || $0.op is DequantizeLinear || $0.op is DynamicQuantizeLinear || $0.op is any CodedOperator
        }
        #expect(kept.isEmpty && !result.findings.contains { $0.status == .skipped }, "\(what): \(kept.map(\.name)) \(result.findings)")
        #expect(!result.graph.initializers.values.contains { $0.elementType.isInteger && $0.elementType.bitWidth <= 8 }, "\(what)")
    }

    @Test(arguments: forms) func sumsBecomeFloat(_ form: Form) throws {
        let (coded, wanted) = try Self.graphs(form)
        let result = try Dequantization()(coded)
        expectFloat(result, form.testDescription)
        let x = ["x": TestModels.normal(form.isConv ? [1, 3, 6, 6] : [4, 8])]
        let (own, other) = (try #require(Session(result.graph).run(x)["y"]), try #require(Session(wanted).run(x)["y"]))
        #expect(other.relativeError(of: own) < 1e-5, "\(form.testDescription)")
    }

    /// Rows of codes that are looked up, times a matrix with a scale for each column.
    @Test func rowsThatAreLookedUpBecomeFloat() throws {
        let b = GraphBuilder("rows")
        let table = Tensor((0..<80).map { UInt8($0 * 29 % 256) }, shape: [10, 8])
        let zero = b.constant("z", Tensor(scalar: UInt8(128)))
        let rows = try b.add(Gather(axis: 0), b.constant("table.codes", table), b.input("ids", .int64, [4]), name: "rows")
        let sums = try b.add(MatMulInteger(), rows, b.constant("w.codes", Self.codes([8, 5])), zero, name: "sums")
        let factor = try b.add(Mul(), b.constant("s", Tensor(scalar: Self.step)), b.constant("ws", Tensor(Self.scales(5))))
        let coded = try b.graph(outputs: [b.add(Mul(), b.add(Cast(to: .float32), sums), factor, name: "y")])
        let result = try Dequantization()(coded)
        expectFloat(result, "rows")
        #expect(result.graph.initializers["table"]?.elementType == .float32 && result.graph.initializers["w"]?.elementType == .float32)
        let ids = ["ids": Tensor([Int64(3), 9, 0, 3])]
        let (own, other) = (try #require(Session(result.graph).run(ids)["y"]), try #require(Session(coded).run(ids)["y"]))
        #expect(other.relativeError(of: own) < 1e-5)
    }

    /// Sums that are read as they are stay, and that is said.
    @Test func sumsThatAreReadStay() throws {
        let b = GraphBuilder("sums")
        let graph = try b.graph(outputs: [
            b.add(MatMulInteger(), b.input("x", .uint8, [4, 8]), b.constant("w.codes", Self.codes([8, 5])), name: "sums")
        ])
        let result = try Dequantization()(graph)
        #expect(result.graph.text == graph.text)
        #expect(result.findings.contains { $0.subject == "sums" && $0.reason.contains("its sums are not cast to float32") }, "\(result.findings)")
    }
}
