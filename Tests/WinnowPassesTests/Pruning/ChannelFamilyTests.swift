import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

/// Families of layers through which channels go.
struct ChannelFamilyTests {
    static let normalizations: [@Sendable (GraphBuilder, ValueName) throws -> ValueName] = [
        { b, h in try b.add(LayerNormalization(axis: -1), inputs: [h, b.constant("g", TestModels.normal([8])), b.constant("s", TestModels.normal([8]))])[0] },
        { b, h in try b.add(RMSNormalization(axis: -1), h, b.constant("g", TestModels.normal([8]))) },
        { b, h in
            let centred = try b.add(Sub(), h, b.add(ReduceMean(axes: [1]), h))
            let variance = try b.add(ReduceMean(axes: [1]), b.add(Mul(), centred, centred))
            let deviation = try b.add(Sqrt(), b.add(Add(), variance, b.constant("e", scalar: Float(1e-5))))
            return try b.add(Add(), b.add(Mul(), b.add(Div(), centred, deviation), b.constant("g", TestModels.normal([8]))), b.constant("s", TestModels.normal([8])))
        },
        { b, h in
            let image = try b.add(Reshape(), h, b.constant("image", Tensor([Int64(0), 8, 1, 1])))
            let normal = try b.add(GroupNormalization(groupCount: 2), inputs: [image, b.constant("g", TestModels.normal([8])), b.constant("s", TestModels.normal([8]))])[0]
            return try b.add(Flatten(), normal)
        },
        // As exporters write a group normalization.
        { b, h in
            let groups = try b.add(Reshape(), h, b.constant("groups", Tensor([Int64(0), 2, -1])))
            let ones = [b.constant("ones", Tensor([Float](repeating: 1, count: 2))), b.constant("none", Tensor([Float](repeating: 0, count: 2)))]
            let normal = try b.add(InstanceNormalization(), inputs: [groups] + ones)[0]
            return try b.add(Mul(), b.add(Reshape(), normal, b.constant("flat", Tensor([Int64(0), -1]))), b.constant("g", TestModels.normal([8])))
        },
    ]

    /// A normalization takes its statistics over the channels that are left, masked or removed.
    @Test(arguments: normalizations.indices) func normalizationsFollow(_ index: Int) throws {
        try expectShrunkEqualsMasked(try network(Self.normalizations[index]), smaller: ["w1", "w2", "g"])
    }

    /// A mean over further axes of a mean over channels is one over all of them, in whatever order.
    @Test(arguments: [[[1], [2], [3]], [[3], [1], [2]], [[1], [2, 3]], [[2, 3], [1]]], [false, true])
    func normalizationsByMeansOfMeansFollow(_ steps: [[Int]], _ sumsLast: Bool) throws {
        let b = GraphBuilder("means")
        let extents = [2: 6, 3: 7]
        func mean(_ value: ValueName) throws -> ValueName {
            try steps.reduce(value) { value, axes in
                guard sumsLast, axes == steps.last, axes != [1] else { return try b.add(ReduceMean(axes: axes), value) }
                let count = axes.reduce(1) { $0 * (extents[$1] ?? 1) }
                return try b.add(Mul(), b.add(ReduceSum(axes: axes), value), b.constant("part", scalar: 1 / Float(count)))
            }
        }
        let x = try b.input("x", .float32, ["N", 3, 6, 7])
        let h = try b.conv(x, b.constant("w1", TestModels.normal([8, 3, 3, 3])), padding: 1)
        let centred = try b.add(Sub(), h, mean(h))
        let deviation = try b.add(Sqrt(), b.add(Add(), mean(b.add(Mul(), centred, centred)), b.constant("e", scalar: Float(1e-5))))
        let normal = try b.add(Div(), b.add(Mul(), centred, b.constant("g", TestModels.normal([8, 1, 1]))), deviation)
        let graph = try b.graph(outputs: [b.conv(normal, b.constant("w2", TestModels.normal([2, 8, 1, 1])))])
        try expectShrunkEqualsMasked(graph, smaller: ["w1", "g", "w2"], inputs: ["x": TestModels.normal([2, 3, 6, 7])])
    }

    /// Hidden units go with their rows in every gate and their column in the recurrence.
    @Test(arguments: ["LSTM", "GRU", "RNN"], [RecurrentParameters.Direction.forward, .bidirectional])
    func hiddenUnitsFollow(_ kind: String, _ direction: RecurrentParameters.Direction) throws {
        let parameters = RecurrentParameters(hiddenSize: 8, direction: direction)
        let op: any Operator = switch kind {
        case "LSTM": LSTM(parameters)
        case "GRU": GRU(parameters, resetsAfterProduct: true)
        default: RNN(parameters)
        }
        let (gates, directions) = (kind == "LSTM" ? 4 : kind == "GRU" ? 3 : 1, direction == .bidirectional ? 2 : 1)
        let b = GraphBuilder("recurrent")
        let x = try b.input("x", .float32, [3, "N", 6])
        let weights = [b.constant("w1", TestModels.normal([directions, gates * 8, 6])), b.constant("r", TestModels.normal([directions, gates * 8, 8]))]
        let batch = try b.add(Gather(), b.add(ShapeOf(), x), b.constant("one", Tensor([Int64(1)])))
        let shape = try b.add(Concat(axis: 0), inputs: [b.constant("directions", Tensor([Int64(directions)])), batch, b.constant("size", Tensor([Int64(8)]))])[0]
        let state = try b.add(Expand(), b.constant("nothing", scalar: Float(0)), shape)
        let bias = b.constant("bias", TestModels.normal([directions, 2 * gates * 8]))
        let all = try b.add(op, inputs: [x] + weights + [bias, nil, state], outputs: kind == "LSTM" ? 3 : 2)[0]
        let rows = try b.add(Reshape(), b.add(Transpose([0, 2, 1, 3]), all), b.constant("rows", Tensor([Int64(0), 0, -1])))
        let graph = try b.graph(outputs: [b.add(MatMul(), rows, b.constant("w2", TestModels.normal([directions * 8, 3])), name: "y")])
        try expectShrunkEqualsMasked(graph, smaller: ["w1", "r", "bias", "w2"], inputs: ["x": TestModels.normal([3, 5, 6], seed: 7)])
    }

    /// Widths of heads go, also where the scale follows from them and heads of keys are shared.
    @Test(arguments: [(4, 4), (4, 2)]) func attentionAsOneOperatorFollows(_ heads: Int, _ shared: Int) throws {
        let b = GraphBuilder("attention")
        let x = try b.input("x", .float32, ["N", 5, 6])
        func product(_ name: String, _ width: Int) throws -> ValueName { try b.add(MatMul(), x, b.constant(name, TestModels.normal([6, width]))) }
        let parts = try [product("wq", heads * 8), product("wk", shared * 8), product("wv", shared * 6)]
        let mixed = try b.add(Attention(queryHeads: heads, keyHeads: shared), inputs: parts)[0]
        let graph = try b.graph(outputs: [b.add(MatMul(), mixed, b.constant("wo", TestModels.normal([heads * 6, 3])), name: "y")])
        try expectShrunkEqualsMasked(graph, smaller: ["wq", "wk", "wv", "wo"], inputs: ["x": TestModels.normal([3, 5, 6], seed: 7)])
    }

    /// What strides make: laid out flat and picked up in order.
    @Test func gathersOfEverythingAreReshapes() throws {
        let graph = try network { b, h in
            let flat = try b.add(Reshape(), h, b.constant("flat", Tensor([Int64(-1)])))
            let batch = try b.add(Squeeze(), b.add(Gather(), b.add(ShapeOf(), h), b.constant("zero", Tensor([Int64(0)]))))
            let rows = try b.add(NumberRange(), b.constant("start", scalar: Int64(0)), batch, b.constant("step", scalar: Int64(1)))
            let starts = try b.add(Unsqueeze(), b.add(Mul(), rows, b.constant("width", scalar: Int64(8))), b.constant("one", Tensor([Int64(1)])))
            let places = try b.add(Add(), starts, b.constant("columns", Tensor((0..<8).map { Int64($0) }, shape: [1, 8])))
            return try b.add(Gather(), flat, places)
        }
        try expectShrunkEqualsMasked(graph, smaller: ["w1", "w2"])
    }

    /// Halves of an odd number of pairs, block after block: a pair that lies in both halves stays or goes from both.
    @Test(arguments: [20, 28, 36]) func oddChannelShufflesFollow(_ width: Int) throws {
        let half = Int64(width / 2)
        let b = GraphBuilder("odd")
        let x = try b.input("x", .float32, ["N", 6])
        var h = try b.add(MatMul(), x, b.constant("w0", TestModels.normal([6, width])))
        for block in 1...3 {
            let halves = try b.add(Split(axis: 1), inputs: [h, b.constant("sizes", Tensor([half, half]))], outputs: 2)
            let weight = b.constant("w\(block)", TestModels.normal([width / 2, width / 2], seed: UInt64(block)))
            let branch = try b.add(Relu(), b.add(MatMul(), halves[1], weight))
            let both = try b.add(Concat(axis: 1), halves[0], branch)
            let grouped = try b.add(Reshape(), both, b.constant("grouped", Tensor([0, 2, half])))
            h = try b.add(Reshape(), b.add(Transpose([0, 2, 1]), grouped), b.constant("flat", Tensor([0, 2 * half])))
        }
        let graph = try b.graph(outputs: [b.add(MatMul(), h, b.constant("w4", TestModels.normal([width, 3], seed: 9)), name: "y")])
        try expectShrunkEqualsMasked(graph, smaller: ["w0", "w1", "w2", "w3", "w4"])
        let pruned = try StructuredPruning()(graph)
        #expect(!pruned.findings.contains { $0.status == .skipped || $0.reason.contains("two ways") })
    }

    /// (groups, channels) of a shuffle and the halves that it is split into and put together of.
    @Test func channelShufflesFollow() throws {
        let graph = try network { b, h in
            let halves = try b.add(Split(axis: 1), inputs: [h, b.constant("sizes", Tensor([Int64(4), 4]))], outputs: 2)
            let branch = try b.add(Relu(), b.add(MatMul(), halves[1], b.constant("w3", TestModels.normal([4, 4]))))
            let both = try b.add(Concat(axis: 1), halves[0], branch)
            let grouped = try b.add(Reshape(), both, b.constant("grouped", Tensor([Int64(0), 2, 4])))
            return try b.add(Reshape(), b.add(Transpose([0, 2, 1]), grouped), b.constant("flat", Tensor([Int64(0), 8])))
        }
        try expectShrunkEqualsMasked(graph, smaller: ["w1", "w2", "w3"])
    }
}
