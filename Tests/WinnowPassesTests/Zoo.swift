import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

/// Small models of every kind, and data without labels for them.
enum Zoo {
    static let all: [@Sendable () throws -> Graph] = [
        twoHeads, tokens, conv1d, conv3d, fixedBatch, openExtents, sharedWeight, branches, loop, lstm, gru, scaling, half, widened,
        dense,
    ]

    /// How a file stores the vectors of layers and normalizations.
    enum Vectors: CaseIterable {
        case apart
        /// Those of one length, which are equal then, as one.
        case once
        /// For the caller to see.
        case asOutputs
    }

    static func with(_ vectors: Vectors, in graph: Graph) throws -> Graph {
        let names = graph.initializerNames.filter { graph.initializers[$0]?.rank == 1 && graph.initializers[$0]?.elementType == .float32 }
        var edit = GraphEdit()
        switch vectors {
        case .apart: return graph
        case .asOutputs: edit.outputs = graph.outputs + names.filter { !graph.outputs.contains($0) }
        case .once:
            for (_, equal) in Dictionary(grouping: names, by: { graph.initializers[$0]?.elementCount }) where equal.count > 1 {
                guard let tensor = graph.initializers[equal[0]] else { continue }
                edit.initializers.append((equal[0], Tensor(tensor.floats().map { abs($0) + 0.5 }, shape: tensor.shape)))
                for other in equal.dropFirst() { edit.rewired[other] = equal[0] }
            }
        }
        return try graph.applying(edit)
    }

    /// Models with control flow: only layers behind it are trained, and what changes others while these train is refused.
    static let partlyTrained: Set<String> = ["branches", "loop"]

    private static func weight(_ b: GraphBuilder, _ name: String, _ shape: Shape, _ type: ElementType = .float32) -> ValueName {
        let seed = UInt64(name.utf8.reduce(17) { ($0 * 31 + Int($1)) % 1_000_003 })
        return b.constant(name, TestModels.normal(shape, seed: seed).converted(to: type))
    }

    private static func linear(
        _ b: GraphBuilder, _ x: ValueName, _ name: String, _ from: Int, _ to: Int, _ type: ElementType = .float32
    ) throws -> ValueName {
        try b.linear(x, weight(b, "\(name).weight", [to, from], type), weight(b, "\(name).bias", [to], type), name: name)
    }

    /// Two inputs that meet, two outputs.
    @Sendable static func twoHeads() throws -> Graph {
        let b = GraphBuilder("two-heads")
        let (left, right) = (try b.input("left", .float32, ["N", 6]), try b.input("right", .float32, ["N", 4]))
        let sides = (try linear(b, left, "left.fc", 6, 8), try linear(b, right, "right.fc", 4, 8))
        let joined = try b.add(Concat(axis: 1), sides.0, sides.1, name: "joined")
        let hidden = try b.add(Relu(), joined, name: "relu")
        return try b.graph(outputs: [linear(b, hidden, "first", 16, 5), linear(b, hidden, "second", 16, 3)])
    }

    /// Numbers of tokens, a table, attention with two heads, the mean over time.
    @Sendable static func tokens() throws -> Graph {
        let b = GraphBuilder("tokens")
        let ids = try b.input("ids", .int64, ["N", 5])
        let x = try b.add(Gather(axis: 0), weight(b, "table", [20, 8]), ids, name: "lookup")
        func heads(_ name: String, _ order: [Int]) throws -> ValueName {
            let y = try b.add(MatMul(), x, weight(b, "\(name).weight", [8, 8]), name: name)
            let shape = b.constant("\(name).shape", Tensor([0, 5, 2, 4] as [Int64]))
            let split = try b.add(Reshape(), y, shape, name: "\(name).split")
            return try b.add(Transpose(order), split, name: "\(name).turn")
        }
        let scores = try b.add(MatMul(), heads("query", [0, 2, 1, 3]), heads("key", [0, 2, 3, 1]), name: "scores")
        let mixed = try b.add(MatMul(), b.add(Softmax(), scores, name: "softmax"), heads("value", [0, 2, 1, 3]), name: "mixed")
        let turned = try b.add(Transpose([0, 2, 1, 3]), mixed, name: "turned")
        let flat = try b.add(Reshape(), turned, b.constant("shape", Tensor([0, 5, 8] as [Int64])), name: "flat")
        let sum = try b.add(Add(), flat, x, name: "residual")
        return try b.graph(outputs: [linear(b, b.add(ReduceMean(axes: [1], keepsAxes: false), sum, name: "mean"), "head", 8, 4)])
    }

    private static func convolutional(_ name: String, spatial: [Extent], channels: Int = 2) throws -> Graph {
        let b = GraphBuilder(name)
        let window = [Int](repeating: 3, count: spatial.count)
        let x = try b.input("x", .float32, ["N", .fixed(channels)] + spatial)
        let filters = (weight(b, "conv1.weight", Shape([6, channels] + window)), weight(b, "conv2.weight", Shape([8, 6] + window)))
        let first = try b.conv(x, filters.0, weight(b, "conv1.bias", [6]), padding: 1, name: "conv1")
        let second = try b.conv(b.add(Relu(), first, name: "relu1"), filters.1, padding: 1, name: "conv2")
        let pooled = try b.add(GlobalAveragePool(), b.add(Relu(), second, name: "relu2"), name: "pool")
        return try b.graph(outputs: [linear(b, b.add(Flatten(), pooled, name: "flatten"), "fc", 8, 4)])
    }

    @Sendable static func conv1d() throws -> Graph { try convolutional("conv1d", spatial: [16], channels: 3) }
    @Sendable static func conv3d() throws -> Graph { try convolutional("conv3d", spatial: [3, 5, 5], channels: 1) }
    @Sendable static func openExtents() throws -> Graph { try convolutional("open-extents", spatial: ["H", "W"]) }

    /// It takes four samples, no more and no less.
    @Sendable static func fixedBatch() throws -> Graph {
        let b = GraphBuilder("fixed-batch")
        let x = try b.input("x", .float32, [4, 12])
        let hidden = try b.add(Tanh(), linear(b, x, "fc1", 12, 16), name: "tanh")
        return try b.graph(outputs: [linear(b, hidden, "fc2", 16, 4)])
    }

    /// A matrix read by two layers, along either axis.
    @Sendable static func sharedWeight() throws -> Graph {
        let b = GraphBuilder("shared-weight")
        let x = try b.input("x", .float32, ["N", 12])
        let shared = weight(b, "shared", [12, 12])
        let hidden = try b.add(Relu(), b.add(Gemm(), x, shared, name: "into"), name: "relu")
        let back = try b.add(Gemm(transposesRight: true), hidden, shared, name: "back")
        return try b.graph(outputs: [linear(b, back, "fc", 12, 4)])
    }

    /// An If whose branches have weights of their own, by what the data says.
    @Sendable static func branches() throws -> Graph {
        let b = GraphBuilder("branches")
        let x = try b.input("x", .float32, ["N", 12])
        let hidden = try b.add(Relu(), linear(b, x, "fc1", 12, 8), name: "relu")
        let largest = try b.add(ReduceMax(keepsAxes: false), x, name: "largest")
        let condition = try b.add(Greater(), largest, b.constant("limit", Tensor(scalar: Float(2))), name: "condition")
        func branch(_ op: any Operator, _ seed: UInt64) throws -> Graph {
            try Graph(
                name: "branch", inputs: [], outputs: ["chosen"],
                nodes: [
                    Node(name: "product", op: MatMul(), inputs: [hidden, "own"], outputs: ["product"]),
                    Node(name: "chosen", op: op, inputs: ["product"], outputs: ["chosen"]),
                ], initializers: [("own", TestModels.normal([8, 8], seed: seed))],
                captures: [hidden: ValueType(.float32, ["N", 8])])
        }
        let chosen = try b.add(If(then: branch(Relu(), 71), else: branch(Tanh(), 72)), condition, name: "if")
        return try b.graph(outputs: [linear(b, chosen, "fc2", 8, 4)])
    }

    /// Three rounds of a Loop whose body reads a matrix of the graph around.
    @Sendable static func loop() throws -> Graph {
        let b = GraphBuilder("loop")
        let x = try b.input("x", .float32, ["N", 12])
        let hidden = try linear(b, x, "fc1", 12, 8)
        let step = weight(b, "step", [8, 8])
        let body = try Graph(
            name: "body",
            inputs: [
                GraphInput("round", ValueType(.int64, [])), GraphInput("go", ValueType(.bool, [])),
                GraphInput("state", ValueType(.float32, ["N", 8])),
            ],
            outputs: ["go.on", "next"],
            nodes: [
                Node(name: "keep", op: Identity(), inputs: ["go"], outputs: ["go.on"]),
                Node(name: "product", op: MatMul(), inputs: ["state", step], outputs: ["product"]),
                Node(name: "next", op: Tanh(), inputs: ["product"], outputs: ["next"]),
            ], captures: [step: ValueType(.float32, [8, 8])])
        let state = try b.add(Loop(body), inputs: [b.constant("rounds", Tensor(scalar: Int64(3))), nil, hidden], name: "loop")[0]
        return try b.graph(outputs: [linear(b, state, "fc2", 8, 4)])
    }

    private static func recurrent(_ name: String, gates: Int, _ make: (RecurrentParameters) -> any Operator) throws -> Graph {
        let b = GraphBuilder(name)
        let x = try b.input("x", .float32, ["N", 5, 6])
        let turned = try b.add(Transpose([1, 0, 2]), x, name: "turn")
        let layer = try b.add(
            make(RecurrentParameters(hiddenSize: 8)), turned, weight(b, "W", [1, gates * 8, 6]),
            weight(b, "R", [1, gates * 8, 8]), weight(b, "B", [1, gates * 16]), name: "layer")
        let mean = try b.add(ReduceMean(axes: [0, 1], keepsAxes: false), layer, name: "mean")
        return try b.graph(outputs: [linear(b, mean, "fc", 8, 4)])
    }

    @Sendable static func lstm() throws -> Graph { try recurrent("lstm", gates: 4) { LSTM($0) } }
    @Sendable static func gru() throws -> Graph { try recurrent("gru", gates: 3) { GRU($0) } }

    /// Images to images: a convolution of each channel, one that makes twice the size, one by one pixel.
    @Sendable static func scaling() throws -> Graph {
        let b = GraphBuilder("scaling")
        let x = try b.input("x", .float32, ["N", 4, 6, 6])
        let depthwise = try b.conv(
            x, weight(b, "depthwise.weight", [4, 1, 3, 3]), weight(b, "depthwise.bias", [4]), padding: 1, groups: 4,
            name: "depthwise")
        let wide = try b.conv(b.add(Relu(), depthwise, name: "relu1"), weight(b, "wide.weight", [8, 4, 1, 1]), name: "wide")
        let larger = try b.add(
            ConvTranspose(window: Window(strides: [2, 2])), b.add(Relu(), wide, name: "relu2"),
            weight(b, "larger.weight", [8, 6, 2, 2]), weight(b, "larger.bias", [6]), name: "larger")
        return try b.graph(outputs: [b.conv(larger, weight(b, "last.weight", [3, 6, 1, 1]), name: "last")])
    }

    /// All in half precision.
    @Sendable static func half() throws -> Graph {
        let b = GraphBuilder("half")
        let x = try b.input("x", .float16, ["N", 12])
        let hidden = try b.add(Relu(), linear(b, x, "fc1", 12, 16, .float16), name: "relu")
        return try b.graph(outputs: [linear(b, hidden, "fc2", 16, 4, .float16)])
    }

    /// Weights in half precision that are widened before they are used.
    @Sendable static func widened() throws -> Graph {
        let b = GraphBuilder("widened")
        let x = try b.input("x", .float32, ["N", 12])
        func product(_ x: ValueName, _ name: String, _ shape: Shape) throws -> ValueName {
            let wide = try b.add(Cast(to: .float32), weight(b, name, shape, .float16), name: "\(name).wide")
            return try b.add(MatMul(), x, wide, name: "\(name).product")
        }
        return try b.graph(outputs: [product(b.add(Relu(), product(x, "w1", [12, 16]), name: "relu"), "w2", [16, 4])])
    }

    /// Channels that are concatenated and read by all later layers.
    @Sendable static func dense() throws -> Graph {
        let b = GraphBuilder("dense")
        var x = try b.input("x", .float32, ["N", 4, 6, 6])
        for (index, width) in [4, 8].enumerated() {
            let name = "conv\(index + 1)"
            let filter = weight(b, "\(name).weight", [4, width, 3, 3])
            let y = try b.add(Relu(), b.conv(x, filter, padding: 1, name: name), name: "\(name).relu")
            x = try b.add(Concat(axis: 1), x, y, name: "\(name).join")
        }
        let flat = try b.add(Flatten(), b.add(GlobalAveragePool(), x, name: "pool"), name: "flatten")
        return try b.graph(outputs: [linear(b, flat, "fc", 12, 4)])
    }

    /// Samples without labels: normal numbers, tokens below 20; open extents are 7.
    static func data(for graph: Graph, count: Int = 48) throws -> Dataset {
        var random = RandomGenerator(seed: 12)
        return try Dataset(graph.inputs.map { input in
            let shape = Shape([count] + (input.type.extents ?? []).dropFirst().map { $0.value ?? 7 })
            let isFloat = input.type.elementType.isFloatingPoint
            let values = (0..<shape.elementCount).map { _ in
                isFloat ? Double(random.normal()) : Double(Int.random(in: 0..<20, using: &random))
            }
            return .init(name: input.name, Tensor(values, shape: shape, as: input.type.elementType))
        })
    }

    static func context(for graph: Graph) throws -> PassContext {
        let data = try data(for: graph)
        return PassContext(calibration: data.subset(0..<16), training: data.subset(0..<32), validation: data.subset(32..<48))
    }

    /// All outputs for the first samples.
    static func outputs(of graph: Graph, like original: Graph) throws -> [ValueName: Tensor] {
        let data = try data(for: original)
        return try Session(graph).run(data.batch(at: Array(0..<(original.fixedBatchSize ?? 3))))
    }
}
