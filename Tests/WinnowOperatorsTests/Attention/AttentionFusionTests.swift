import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport

/// Attention spelled by products and softmax becomes one step, and that changes no result.
@Suite struct AttentionFusionTests {
    /// Builds a graph on (batch, length, 3 · heads · size), checks that fused and unfused results agree, and gives the fused
    /// operators that compute.
    private func fusedOperators(
        _ shape: Shape, _ build: (GraphBuilder, ValueName) throws -> [ValueName]
    ) throws -> [String] {
        let b = GraphBuilder("attention")
        let x = try b.input("x", .float32, [.symbol("N")] + shape.dropFirst().map { .fixed($0) })
        let graph = try b.graph(outputs: build(b, x))
        let tensor = Tensor.sample(shape, in: -1...1)
        let plain = try Session(graph, options: SessionOptions(lowers: false)).run(["x": tensor])
        let fused = try Session(graph).run(["x": tensor])
        for output in graph.outputs {
            let difference = try relativeDifference(#require(fused[output]), #require(plain[output]))
            #expect(try #require(difference) < 2e-5)
        }
        return try graph.lowered().nodes.map { $0.op.type.name }.filter { !["Reshape", "ShapeOf", "Squeeze"].contains($0) }
    }

    /// Q, K and V (batch, heads, length, size) of a packed value, as torch exports `unbind`.
    private func parts(_ b: GraphBuilder, _ x: ValueName, heads: Int, size: Int) throws -> [ValueName] {
        let length = try #require(b.info(of: x)?.extents?[1].value)
        let split = try b.add(Reshape(), x, b.constant("shape", indices(-1, length, 3, heads, size)))
        let ordered = try b.add(Transpose([2, 0, 3, 1, 4]), split)
        let sizes = b.constant("sizes", indices(1, 1, 1))
        return try b.add(Split(axis: 0), inputs: [ordered, sizes], outputs: 3).map { part in
            try b.add(Squeeze(), part, b.constant("axes", indices(0)))
        }
    }

    private func merged(_ b: GraphBuilder, _ x: ValueName, width: Int) throws -> ValueName {
        let length = try #require(b.info(of: x)?.extents?[2].value)
        return try b.add(Reshape(), b.add(Transpose([0, 2, 1, 3]), x), b.constant("whole", indices(-1, length, width)))
    }

    @Test(arguments: [(1, 4), (7, 40), (64, 4), (150, 4)]) func headsOfOnePackedValueAreReadInPlace(length: Int, size: Int) throws {
        let operators = try fusedOperators([2, length, 9 * size]) { b, x in
            let qkv = try parts(b, x, heads: 3, size: size)
            let scores = try b.add(MatMul(), qkv[0], b.add(Transpose([0, 1, 3, 2]), qkv[1]))
            let scaled = try b.add(Div(), scores, b.constant("root", Tensor(scalar: Float(2))))
            let mask = b.constant("mask", .sample([2, 1, 1, length], seed: 4))
            let weights = try b.add(Softmax(), b.add(Add(), scaled, mask))
            return [try merged(b, b.add(MatMul(), weights, qkv[2]), width: 3 * size)]
        }
        #expect(operators == ["ScaledDotProduct"])
    }

    @Test func guardedRowsThatLookNowhereAreZero() throws {
        let operators = try fusedOperators([2, 5, 24]) { b, x in
            let qkv = try parts(b, x, heads: 2, size: 4)
            let root = b.constant("root", Tensor(scalar: Float(0.8)))
            let keys = try b.add(Mul(), b.add(Transpose([0, 1, 3, 2]), qkv[1]), root)
            let scores = try b.add(MatMul(), b.add(Mul(), qkv[0], root), keys)
            let never = -Float.infinity
            let mask = Tensor((0..<25).map { $0 / 5 > $0 % 5 ? Float(0) : never }, shape: [5, 5])
            let weights = try b.add(Softmax(), b.add(Add(), b.constant("mask", mask), scores))
            let zero = b.constant("zero", Tensor(scalar: Float(0)))
            return [try b.add(MatMul(), b.add(Where(), b.add(IsNaN(), weights), zero, weights), qkv[2])]
        }
        #expect(operators == ["ScaledDotProduct"])
    }

    /// As torch exports `scaled_dot_product_attention`: keys are transposed with batch and heads folded into one axis.
    @Test func foldedTranspositionsAreReadInPlace() throws {
        let operators = try fusedOperators([2, 5, 24]) { b, x in
            let heads = try b.add(Transpose([0, 2, 1, 3]), b.add(Reshape(), x, b.constant("heads", indices(-1, 5, 6, 4))))
            let folded = try b.add(Reshape(), heads, b.constant("folded", indices(-1, 5, 4)))
            let keys = try b.add(Reshape(), b.add(Transpose([0, 2, 1]), folded), b.constant("keys", indices(-1, 6, 4, 5)))
            return [try b.add(MatMul(), b.add(Softmax(), b.add(MatMul(), heads, keys)), heads)]
        }
        #expect(operators == ["ScaledDotProduct"])
    }

    @Test func theOperatorBecomesTheSameStep() throws {
        let operators = try fusedOperators([2, 6, 24]) { b, x in
            let qkv = try parts(b, x, heads: 2, size: 4)
            return [try b.add(Attention(isCausal: true), qkv[0], qkv[1], qkv[2])]
        }
        // The mask before it is a constant once the length is known.
        #expect(operators.last == "ScaledDotProduct" && !operators.contains("Softmax"))
    }

    @Test func codesAreMadeAfterTheHeadsAreMerged() throws {
        let operators = try fusedOperators([2, 6, 24]) { b, x in
            let qkv = try parts(b, x, heads: 2, size: 4)
            let weights = try b.add(Softmax(), b.add(MatMul(), qkv[0], b.add(Transpose([0, 1, 3, 2]), qkv[1])))
            let result = try b.add(MatMul(), weights, qkv[2])
            let scale = b.constant("scale", Tensor(scalar: Float(0.01)))
            let zero = b.constant("zeroPoint", Tensor(scalar: UInt8(100)))
            let codes = try merged(b, b.add(QuantizeLinear(), result, scale, zero), width: 8)
            return [try b.add(DequantizeLinear(), codes, scale, zero)]
        }
        #expect(operators == ["ScaledDotProduct", "QuantizeLinear", "DequantizeLinear"])
    }

    @Test func weightsThatSomeoneElseReadsStay() throws {
        let operators = try fusedOperators([2, 6, 24]) { b, x in
            let qkv = try parts(b, x, heads: 2, size: 4)
            let weights = try b.add(Softmax(), b.add(MatMul(), qkv[0], b.add(Transpose([0, 1, 3, 2]), qkv[1])))
            return [try b.add(MatMul(), weights, qkv[2]), weights]
        }
        #expect(operators.contains("Softmax") && !operators.contains("ScaledDotProduct"))
    }
}
