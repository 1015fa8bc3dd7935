import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowPasses
import WinnowTensor
import WinnowTestSupport

/// Small networks with seeded weights.
enum TestModels {
    private struct Weights {
        var random: RandomGenerator
        init(_ seed: UInt64) { random = RandomGenerator(seed: seed) }
        mutating func normal(_ shape: Shape, _ deviation: Float = 0.3) -> Tensor {
            Tensor((0..<shape.elementCount).map { _ in random.normal() * deviation }, shape: shape)
        }
    }

    /// 12 → 16 → 8 → 4 with Relu.
    static func perceptron(seed: UInt64 = 1) throws -> Graph {
        var weights = Weights(seed)
        let b = GraphBuilder("perceptron")
        var x = try b.input("x", .float32, ["N", 12])
        for (index, (from, to)) in [(12, 16), (16, 8), (8, 4)].enumerated() {
            let name = "fc\(index + 1)"
            x = try b.linear(
                x, b.constant("\(name).weight", weights.normal([to, from])),
                b.constant("\(name).bias", weights.normal([to])),
                name: name)
            if index < 2 { x = try b.add(Relu(), x, name: "relu\(index + 1)") }
        }
        return try b.graph(outputs: [x])
    }

    /// Conv–pool–Conv–pool–Flatten–Gemm–Relu–Gemm on 1×12×12 images.
    static func convolutional(seed: UInt64 = 2) throws -> Graph {
        var weights = Weights(seed)
        let b = GraphBuilder("convolutional")
        var x = try b.input("image", .float32, ["N", 1, 12, 12])
        x = try b.conv(
            x, b.constant("conv1.weight", weights.normal([6, 1, 3, 3])), b.constant("conv1.bias", weights.normal([6])),
            name: "conv1")
        x = try b.maxPool(x, size: 2, name: "pool1")
        x = try b.conv(
            x, b.constant("conv2.weight", weights.normal([8, 6, 2, 2])), b.constant("conv2.bias", weights.normal([8])),
            name: "conv2")
        x = try b.add(Relu(), x, name: "relu0")
        x = try b.maxPool(x, size: 2, name: "pool2")
        x = try b.add(Flatten(), x, name: "flatten")
        x = try b.linear(
            x, b.constant("fc1.weight", weights.normal([10, 32])), b.constant("fc1.bias", weights.normal([10])),
            name: "fc1")
        x = try b.add(Relu(), x, name: "relu1")
        x = try b.linear(
            x, b.constant("fc2.weight", weights.normal([4, 10])), b.constant("fc2.bias", weights.normal([4])),
            name: "fc2")
        return try b.graph(outputs: [x])
    }

    /// A residual block with batch normalization, a depthwise convolution, global pooling and a Gemm.
    static func residual(seed: UInt64 = 3) throws -> Graph {
        var weights = Weights(seed)
        let b = GraphBuilder("residual")
        func normalized(_ x: ValueName, _ name: String, channels: Int) throws -> ValueName {
            try b.add(
                BatchNormalization(),
                inputs: [
                    x, b.constant("\(name).scale", weights.normal([channels])),
                    b.constant("\(name).shift", weights.normal([channels])),
                    b.constant("\(name).mean", weights.normal([channels])),
                    b.constant(
                        "\(name).variance", Tensor(weights.normal([channels]).floats().map { 0.5 + $0.magnitude })),
                ], name: name)[0]
        }
        func conv(_ x: ValueName, _ name: String, _ from: Int, _ to: Int, groups: Int = 1) throws -> ValueName {
            let filter = b.constant("\(name).weight", weights.normal([to, from / groups, 3, 3]))
            return try normalized(
                b.conv(x, filter, padding: 1, groups: groups, name: name), "\(name).norm", channels: to)
        }
        let x = try b.input("image", .float32, ["N", 3, 8, 8])
        let stem = try b.add(Relu(), conv(x, "stem", 3, 8), name: "stem.relu")
        let inner = try b.add(Relu(), conv(stem, "block.conv1", 8, 12), name: "block.relu1")
        let sum = try b.add(Add(), conv(inner, "block.conv2", 12, 8), stem, name: "block.add")
        let joined = try b.add(Relu(), sum, name: "block.relu2")
        let depthwise = try b.add(Relu(), conv(joined, "depthwise", 8, 8, groups: 8), name: "depthwise.relu")
        let pooled = try b.add(Flatten(), b.add(GlobalAveragePool(), depthwise, name: "pool"), name: "flatten")
        let y = try b.linear(
            pooled, b.constant("fc.weight", weights.normal([4, 8])), b.constant("fc.bias", weights.normal([4])),
            name: "fc")
        return try b.graph(outputs: [y])
    }

    /// 12 → 16 → 8 → 4 as products without biases: a normalization, a term, a factor for each channel, and Softmax at the end.
    static func products(seed: UInt64 = 7) throws -> Graph {
        var weights = Weights(seed)
        let b = GraphBuilder("products")
        var x = try b.input("x", .float32, ["N", 12])
        x = try b.batchNormalization(b.add(MatMul(), x, b.constant("w1", weights.normal([12, 16])), name: "p1"), name: "norm")
        x = try b.add(MatMul(), b.add(Relu(), x, name: "relu1"), b.constant("w2", weights.normal([16, 8])), name: "p2")
        x = try b.add(Add(), x, b.constant("b2", weights.normal([8])), name: "add2")
        x = try b.add(Mul(), b.constant("f2", weights.normal([1, 8])), x, name: "mul2")
        x = try b.add(MatMul(), b.add(Tanh(), x, name: "tanh2"), b.constant("w3", weights.normal([8, 4])), name: "p3")
        return try b.graph(outputs: [b.add(Identity(), b.add(Softmax(), x, name: "softmax"), name: "end")])
    }

    /// A perceptron 12 → 16 → 8 → 4 beside which an If reads the first hidden layer and a table of its width.
    static func conditional(seed: UInt64 = 4) throws -> Graph {
        var weights = Weights(seed)
        let b = GraphBuilder("conditional")
        let condition = try b.input("condition", .bool, [])
        var x = try b.input("x", .float32, ["N", 12])
        let table = b.constant("table", weights.normal([16]))
        for (index, (from, to)) in [(12, 16), (16, 8), (8, 4)].enumerated() {
            let name = "fc\(index + 1)"
            x = try b.linear(x, b.constant("\(name).weight", weights.normal([to, from])), name: name)
            if index < 2 { x = try b.add(Relu(), x, name: "relu\(index + 1)") }
        }
        func branch(_ op: any Operator) throws -> Graph {
            try Graph(
                name: "branch", inputs: [], outputs: ["chosen"],
                nodes: [Node(name: "chosen", op: op, inputs: ["relu1", table], outputs: ["chosen"])],
                captures: ["relu1": ValueType(.float32, ["N", 16]), table: ValueType(.float32, [16])])
        }
        let seen = try b.add(If(then: branch(Add()), else: branch(Mul())), condition, name: "branch")
        return try b.graph(outputs: [x, b.add(Identity(), seen, name: "seen")])
    }

    /// A recurrent layer of 6 features and 10 hidden units, then an Einsum with a matrix of three axes, then the mean of steps.
    static func recurrent(
        _ make: (RecurrentParameters) -> any Operator = { LSTM($0) }, gates: Int = 4, direction: RecurrentParameters.Direction = .forward, seed: UInt64 = 6
    ) throws -> Graph {
        var weights = Weights(seed)
        let b = GraphBuilder("recurrent")
        let directions = direction == .bidirectional ? 2 : 1
        let x = try b.input("x", .float32, [5, "N", 6])
        let layer = try b.add(
            make(RecurrentParameters(hiddenSize: 10, direction: direction)), x,
            b.constant("W", weights.normal([directions, gates * 10, 6])), b.constant("R", weights.normal([directions, gates * 10, 10])),
            b.constant("B", weights.normal([directions, gates * 20])), name: "layer")
        let mixed = try b.add(Einsum("tdni,dihk->tnhk"), layer, b.constant("E", weights.normal([directions, 10, 2, 3])), name: "mixed")
        return try b.graph(outputs: [b.add(ReduceMean(axes: [0], keepsAxes: false), mixed, name: "y")])
    }

    static func normal(_ shape: Shape, seed: UInt64 = 5) -> Tensor {
        var weights = Weights(seed)
        return weights.normal(shape)
    }

    static let makers: [@Sendable () throws -> Graph] = [{ try perceptron() }, { try convolutional() }, { try residual() }, { try products() }]
    static var all: [Graph] { get throws { try makers.map { try $0() } } }

    /// A learnable task: samples labelled by a network of the same kind with other weights.
    static func dataset(for graph: Graph, count: Int = 256, seed: UInt64 = 9) throws -> Dataset {
        var random = RandomGenerator(seed: seed)
        let extents = graph.inputs[0].type.extents ?? []
        let shape = Shape([count] + extents.dropFirst().compactMap(\.value))
        let samples = Tensor((0..<shape.elementCount).map { _ in random.normal() }, shape: shape)
        let labels = try predictions(of: graph, on: samples).map { $0.firstIndex(of: $0.max() ?? 0) ?? 0 }
        return try Dataset([.init(name: graph.inputs[0].name, samples)], labels: labels)
    }

    /// The first output, one array a sample.
    static func predictions(of graph: Graph, on samples: Tensor) throws -> [[Float]] {
        let outputs = try Session(graph).run([graph.inputs[0].name: samples])
        guard let output = outputs[graph.outputNames[0]] else { return [] }
        let classes = output.elementCount / samples.shape[0]
        let values = output.floats()
        return (0..<samples.shape[0]).map { Array(values[($0 * classes)..<(($0 + 1) * classes)]) }
    }

    static func largestDifference(_ a: Graph, _ b: Graph, count: Int = 16) throws -> Float {
        let samples = try dataset(for: a, count: count).features[0].tensor
        return zip(
            try predictions(of: a, on: samples).flatMap { $0 }, try predictions(of: b, on: samples).flatMap { $0 }
        )
        .map { ($0 - $1).magnitude }.max() ?? 0
    }

    static func context(for graph: Graph, seed: UInt64 = 0) throws -> PassContext {
        let data = try dataset(for: graph)
        return PassContext(
            calibration: data.subset(0..<64), training: data.subset(0..<192), validation: data.subset(192..<256),
            seed: seed)
    }
}
