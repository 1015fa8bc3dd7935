import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

/// ONNX Runtime's own operators lose channels as ONNX's do.
struct ContributedChannelTests {
    private static let x = ["x": TestModels.normal([3, 5, 6], seed: 7)]

    private static func layers(
        _ name: String, _ attention: (GraphBuilder, ValueName) throws -> (ValueName, width: Int)
    ) throws -> Graph {
        let b = GraphBuilder(name)
        let (value, width) = try attention(b, b.input("x", .float32, ["N", 5, 6]))
        return try b.graph(outputs: [b.add(MatMul(), value, b.constant("wo", TestModels.normal([width, 3], seed: 9)), name: "y")])
    }

    /// Widths of heads packed with queries, keys and values; values of their own width; a mask and what is added to the scores.
    @Test(arguments: [[], [16, 16, 12]], [false, true]) func packedAttentionFollows(_ widths: [Int], _ isMasked: Bool) throws {
        let graph = try Self.layers("packed") { b, x in
            let columns = widths.isEmpty ? 48 : widths.reduce(0, +)
            let inputs: [ValueName?] = [
                x, b.constant("w", TestModels.normal([6, columns])), b.constant("bias", TestModels.normal([columns], seed: 2)),
                isMasked ? b.constant("mask", Tensor([Int32(4), 5, 3])) : nil, nil,
                isMasked ? b.constant("added", TestModels.normal([1, 2, 5, 5], seed: 3)) : nil,
            ]
            let op = ContributedAttention(heads: 2, widths: widths, isCausal: isMasked)
            return (try b.add(op, inputs: inputs, name: "attention")[0], widths.last ?? 16)
        }
        try expectShrunkEqualsMasked(graph, smaller: ["w", "bias", "wo"], inputs: Self.x)
        let op = try StructuredPruning { $0.standardOnly = false }(graph).graph.node(named: "attention")?.op as? ContributedAttention
        #expect(op?.scale == 1 / Float(8).squareRoot() && op?.widths == (widths.isEmpty ? [] : [8, 8, 6]))
    }

    /// Whole heads where a head is no wider than there are heads.
    @Test func packedAttentionLosesHeads() throws {
        let graph = try Self.layers("heads") { b, x in
            (try b.add(ContributedAttention(heads: 8), inputs: [x, b.constant("w", TestModels.normal([6, 48]))], name: "attention")[0], 16)
        }
        try expectShrunkEqualsMasked(graph, smaller: ["w", "wo"], inputs: Self.x)
        #expect((try StructuredPruning { $0.standardOnly = false }(graph).graph.node(named: "attention")?.op as? ContributedAttention)?.heads == 4)
    }

    @Test func attentionOfCodesFollows() throws {
        let graph = try Self.layers("codes") { b, x in
            let codes = try b.add(DynamicQuantizeLinear(), inputs: [x], outputs: 3)
            let weights = Tensor((0..<(6 * 48)).map { Int8(($0 * 37) % 200 - 100) }, shape: [6, 48])
            let inputs: [ValueName?] = [
                codes[0], b.constant("w", weights), b.constant("bias", TestModels.normal([48])), codes[1],
                b.constant("scale", Tensor((1...48).map { Float($0) / 4096 })), nil, codes[2], b.constant("zero", Tensor(zeros: [48], .int8)),
            ]
            return (try b.add(QAttention(heads: 2), inputs: inputs)[0], 16)
        }
        try expectShrunkEqualsMasked(graph, smaller: ["w", "bias", "scale", "zero", "wo"], inputs: Self.x)
    }

    @Test(arguments: [false, true]) func separateProjectionsFollow(_ isBiased: Bool) throws {
        let graph = try Self.layers("multi-head") { b, x in
            func product(_ name: String, _ width: Int, _ seed: UInt64) throws -> ValueName {
                try b.add(MatMul(), x, b.constant(name, TestModels.normal([6, width], seed: seed)))
            }
            let bias = isBiased ? b.constant("bias", TestModels.normal([44], seed: 5)) : nil
            let inputs: [ValueName?] = [try product("wq", 16, 1), try product("wk", 16, 2), try product("wv", 12, 3), bias]
            return (try b.add(MultiHeadAttention(heads: 2), inputs: inputs)[0], 12)
        }
        try expectShrunkEqualsMasked(graph, smaller: ["wq", "wk", "wv", "wo"] + (isBiased ? ["bias"] : []), inputs: Self.x)
    }

    /// Groups of heads go whole; where all share one head of keys, heads of queries do.
    @Test(arguments: [(8, 4), (4, 1), (4, 4)]) func sharedHeadsGoWithTheirQueries(_ heads: Int, _ shared: Int) throws {
        let graph = try Self.layers("grouped") { b, x in
            func product(_ name: String, _ width: Int, _ seed: UInt64) throws -> ValueName {
                try b.add(MatMul(), x, b.constant(name, TestModels.normal([6, width], seed: seed)))
            }
            let tables = [1, 2].map { b.constant("table", TestModels.normal([8, 8], seed: $0)) }
            let inputs: [ValueName?] = [
                try product("wq", heads * 16, 1), try product("wk", shared * 16, 2), try product("wv", shared * 16, 3), nil, nil,
                b.constant("lengths", Tensor([Int32(4), 4, 4])), b.constant("total", Tensor(scalar: Int32(5))), tables[0], tables[1],
            ]
            let op = GroupQueryAttention(heads: heads, keyHeads: shared, isRotary: true)
            return (try b.add(op, inputs: inputs, name: "attention")[0], heads * 16)
        }
        try expectShrunkEqualsMasked(graph, smaller: ["wq", "wo"] + (shared > 1 ? ["wk", "wv"] : []), inputs: Self.x)
        let op = try StructuredPruning { $0.standardOnly = false }(graph).graph.node(named: "attention")?.op as? GroupQueryAttention
        #expect(op?.heads == heads / 2 && op?.keyHeads == max(1, shared / 2))
    }

    /// The same where one product makes queries, keys and values; the cache loses the same heads.
    @Test(arguments: [(8, 4), (4, 1), (4, 4)]) func packedHeadsGoWithTheirQueries(_ heads: Int, _ shared: Int) throws {
        let graph = try Self.layers("packed") { b, x in
            let product = try b.add(MatMul(), x, b.constant("w", TestModels.normal([6, (heads + 2 * shared) * 16], seed: 1)))
            let tables = [1, 2].map { b.constant("table", TestModels.normal([8, 8], seed: $0)) }
            let inputs: [ValueName?] = [
                product, nil, nil, nil, nil, b.constant("lengths", Tensor([Int32(4), 4, 4])),
                b.constant("total", Tensor(scalar: Int32(5))), tables[0], tables[1],
            ]
            let op = GroupQueryAttention(heads: heads, keyHeads: shared, isRotary: true)
            return (try b.add(op, inputs: inputs, name: "attention")[0], heads * 16)
        }
        try expectShrunkEqualsMasked(graph, smaller: ["w", "wo"], inputs: Self.x)
        let small = try StructuredPruning { $0.standardOnly = false }(graph).graph
        let op = small.node(named: "attention")?.op as? GroupQueryAttention
        #expect(op?.heads == heads / 2 && op?.keyHeads == max(1, shared / 2))
        #expect(small.initializers["w"]?.shape == [6, (heads / 2 + 2 * max(1, shared / 2)) * 16])
    }

    /// Pairs of features go with their angles, of queries and keys alike.
    @Test(arguments: [false, true]) func turnedFeaturesGoByPairs(_ isInterleaved: Bool) throws {
        let graph = try Self.layers("rotary") { b, x in
            let tables = [1, 2].map { b.constant($0 == 1 ? "cosines" : "sines", TestModels.normal([8, 8], seed: $0)) }
            let positions = b.constant("positions", Tensor((0..<15).map { Int64($0 % 5) }, shape: [3, 5]))
            func turned(_ name: String, _ seed: UInt64) throws -> ValueName {
                let product = try b.add(MatMul(), x, b.constant(name, TestModels.normal([6, 32], seed: seed)))
                let op = ContributedRotaryEmbedding(isInterleaved: isInterleaved, heads: 2)
                return try b.add(op, product, positions, tables[0], tables[1])
            }
            let values = try b.add(MatMul(), x, b.constant("wv", TestModels.normal([6, 32], seed: 3)))
            return (try b.add(MultiHeadAttention(heads: 2), turned("wq", 1), turned("wk", 2), values), 32)
        }
        try expectShrunkEqualsMasked(graph, smaller: ["wq", "wk", "wv", "cosines", "sines", "wo"], inputs: Self.x)
    }

    /// Hidden units of codes, with one scale or one for each row of a gate, go in every gate and in the recurrence.
    @Test(arguments: [false, true], [1, 2]) func hiddenUnitsOfCodesFollow(_ isPerRow: Bool, _ directions: Int) throws {
        let b = GraphBuilder("dynamic")
        let x = try b.input("x", .float32, [5, "N", 6])
        func codes(_ name: String, _ rows: Int) -> [ValueName] {
            let numbers = (0..<(directions * rows * 32)).map { UInt8(($0 * 37 + rows) % 200) }
            let shape: Shape = isPerRow ? [directions, 32] : [directions]
            let scales = (0..<shape.elementCount).map { Float(1 + $0 % 5) / 400 }
            return [
                b.constant(name, Tensor(numbers, shape: [directions, rows, 32])), b.constant("\(name).scale", Tensor(scales, shape: shape)),
                b.constant("\(name).zero", Tensor([Double](repeating: 100, count: shape.elementCount), shape: shape, as: .uint8)),
            ]
        }
        let (w, r) = (codes("w", 6), codes("r", 8))
        let bias = b.constant("bias", TestModels.normal([directions, 64], seed: 3))
        let parameters = RecurrentParameters(hiddenSize: 8, direction: directions == 2 ? .bidirectional : .forward)
        let hidden = try b.add(
            DynamicQuantizeLSTM(LSTM(parameters)), inputs: [x, w[0], r[0], bias, nil, nil, nil, nil, w[1], w[2], r[1], r[2]], outputs: 3,
            name: "lstm")[0]
        let rows = try b.add(Reshape(), b.add(Transpose([0, 2, 1, 3]), hidden), b.constant("shape", Tensor([Int64(5), -1, Int64(directions) * 8])))
        let graph = try b.graph(outputs: [b.add(MatMul(), rows, b.constant("wo", TestModels.normal([directions * 8, 3])), name: "y")])
        let names = ["w", "r", "bias", "wo"] + (isPerRow ? ["w.scale", "w.zero", "r.scale", "r.zero"] : [])
        try expectShrunkEqualsMasked(graph, smaller: names, inputs: ["x": TestModels.normal([5, 3, 6], seed: 7)])
        let pruned = try StructuredPruning { $0.standardOnly = false }(graph)
        #expect((pruned.graph.node(named: "lstm")?.op as? DynamicQuantizeLSTM)?.parameters.hiddenSize == 4)
        #expect(pruned.findings.contains { $0.subject == "w" && $0.status == .done })
    }

    /// An LSTM whose weights are dequantized in front of it.
    @Test(arguments: [false, true]) func dequantizedHiddenUnitsFollow(_ isPerRow: Bool) throws {
        let b = GraphBuilder("dequantized")
        let x = try b.input("x", .float32, [5, "N", 6])
        func weights(_ name: String, _ columns: Int) throws -> ValueName {
            let codes = Tensor((0..<(32 * columns)).map { Int8(($0 * 37) % 200 - 100) }, shape: [1, 32, columns])
            let scale = isPerRow ? Tensor((1...32).map { Float($0) / 4000 }) : Tensor(scalar: Float(0.005))
            return try b.add(
                DequantizeLinear(axis: isPerRow ? 1 : nil),
                inputs: [b.constant(name, codes), b.constant("\(name).scale", scale), b.constant("\(name).zero", Tensor(zeros: scale.shape, .int8))])[0]
        }
        let hidden = try b.add(
            LSTM(RecurrentParameters(hiddenSize: 8)), inputs: [x, weights("w", 6), weights("r", 8), b.constant("bias", TestModels.normal([1, 64]))], outputs: 3)[0]
        let rows = try b.add(Squeeze(), hidden, b.constant("one", Tensor([Int64(1)])))
        let graph = try b.graph(outputs: [b.add(MatMul(), rows, b.constant("wo", TestModels.normal([8, 3])), name: "y")])
        try expectShrunkEqualsMasked(
            graph, smaller: ["w", "r", "bias", "wo"] + (isPerRow ? ["w.scale"] : []), inputs: ["x": TestModels.normal([5, 3, 6], seed: 7)])
    }
}
