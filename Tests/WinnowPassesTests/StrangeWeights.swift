import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

/// Small graphs whose weights are stored or used in ways that strangers' files have.
enum StrangeWeights {
    /// 6 → 6 → 6 by one square matrix, used as it is and transposed; rows and columns differ a thousandfold in size.
    static func tied() throws -> Graph {
        let b = GraphBuilder("tied")
        let spread = (0..<36).map { index -> Float in
            let (row, column) = (index / 6, index % 6)
            let size = Float((row + 1) * (column + 1)) * (row > 3 ? 0.5 : 0.01)
            return column % 2 == 0 ? size : -size
        }
        let x = try b.input("x", .float32, ["N", 6])
        let w = b.constant("w", Tensor(spread, shape: [6, 6]))
        let h = try b.add(Relu(), b.add(Gemm(), x, w, name: "enc"), name: "relu")
        return try b.graph(outputs: [b.add(Gemm(transposesRight: true), h, w, name: "dec")])
    }

    /// A lookup in a table of 20 rows that is, transposed, also the last layer.
    static func tiedEmbedding() throws -> Graph {
        let b = GraphBuilder("tied-embedding")
        let ids = try b.input("ids", .int64, ["N", 3])
        let table = b.constant("E", TestModels.normal([20, 8]))
        let e = try b.add(Gather(axis: 0), table, ids, name: "lookup")
        let h = try b.add(Relu(), b.add(MatMul(), e, b.constant("w", TestModels.normal([8, 8])), name: "mid"), name: "relu")
        return try b.graph(outputs: [b.add(MatMul(), h, b.add(Transpose([1, 0]), table, name: "turn"), name: "head")])
    }

    /// float16 weights, in a float16 network or behind Cast in a float32 one.
    static func half(behindCast: Bool) throws -> Graph {
        let b = GraphBuilder("half")
        let weights = [TestModels.normal([12, 16]), TestModels.normal([16, 4])].map { $0.converted(to: .float16) }
        var x = try b.input("x", behindCast ? .float32 : .float16, ["N", 12])
        for (index, weight) in weights.enumerated() {
            var w = b.constant("w\(index + 1)", weight)
            if behindCast { w = try b.add(Cast(to: .float32), w, name: "widen\(index + 1)") }
            x = try b.add(Gemm(), x, w, name: "fc\(index + 1)")
            if index == 0 { x = try b.add(Relu(), x, name: "relu") }
        }
        return try b.graph(outputs: [x])
    }

    /// An If whose branches have a weight of their own and one of the graph around them.
    static func bodies() throws -> Graph {
        let b = GraphBuilder("bodies")
        let condition = try b.input("condition", .bool, [])
        let x = try b.input("x", .float32, ["N", 12])
        let shared = b.constant("shared", TestModels.normal([8, 8], seed: 21))
        let h = try b.add(Relu(), b.add(Gemm(), x, b.constant("w1", TestModels.normal([12, 8])), name: "fc1"), name: "relu")
        func branch(_ nodes: [Node], _ own: [(name: ValueName, tensor: Tensor)]) throws -> Graph {
            var captures: [ValueName: ValueType] = ["relu": ValueType(.float32, ["N", 8])]
            if nodes.contains(where: { $0.inputs.contains(shared) }) { captures[shared] = ValueType(.float32, [8, 8]) }
            return try Graph(name: "branch", inputs: [], outputs: ["chosen"], nodes: nodes, initializers: own, captures: captures)
        }
        let chosen = try b.add(
            If(
                then: branch(
                    [Node(name: "inner", op: Gemm(), inputs: ["relu", "own"], outputs: ["chosen"])],
                    [("own", TestModels.normal([8, 8], seed: 22))]),
                else: branch([Node(name: "inner", op: Gemm(), inputs: ["relu", shared], outputs: ["chosen"])], [])),
            condition, name: "if")
        return try b.graph(outputs: [b.add(Gemm(), chosen, b.constant("w2", TestModels.normal([8, 4], seed: 23)), name: "fc2"), h])
    }

    /// Every name that passes like to give is taken by something else.
    static func takenNames() throws -> Graph {
        let nodes = [
            Node(name: "x.quantize", op: Gemm(), inputs: ["x", "w1", "w1.codes"], outputs: ["w1.dequantized"]),
            Node(name: "w1.dequantize", op: Relu(), inputs: ["w1.dequantized"], outputs: ["x.quantized"]),
            Node(name: "w1.numbers", op: Gemm(), inputs: ["x.quantized", "w1.scale", "w1.mask"], outputs: ["x.scale"]),
        ]
        return try Graph(
            name: "taken-names", inputs: [GraphInput("x", ValueType(.float32, ["N", 12]))], outputs: ["x.scale"], nodes: nodes,
            initializers: [
                ("w1", TestModels.normal([12, 40])), ("w1.codes", TestModels.normal([40])),
                ("w1.scale", TestModels.normal([40, 5])), ("w1.mask", TestModels.normal([5])),
            ])
    }

    /// Conv → Relu → Conv; filters and biases as `change` leaves them.
    static func convolutions(_ change: (_ filter: inout [Float], _ bias: inout [Float]) -> Void) throws -> Graph {
        var filter = TestModels.normal([8, 3, 3, 3]).floats().map { $0 * 0.1 }
        var bias = TestModels.normal([8], seed: 11).floats()
        change(&filter, &bias)
        let b = GraphBuilder("convolutions")
        let x = try b.input("x", .float32, ["N", 3, 6, 6])
        let h = try b.conv(x, b.constant("w", Tensor(filter, shape: [8, 3, 3, 3])), b.constant("b", Tensor(bias)), padding: 1, name: "c1")
        let r = try b.add(Relu(), h, name: "relu")
        return try b.graph(outputs: [b.conv(r, b.constant("w2", TestModels.normal([4, 8, 1, 1])), name: "c2")])
    }

    /// The relative difference of all outputs, as planned and node by node.
    static func distance(_ a: Graph, _ b: Graph, on inputs: [ValueName: Tensor]) throws -> Double {
        let wanted = try Session(a, options: SessionOptions(lowers: false)).run(inputs)
        return try [true, false].map { lowers in
            let found = try Session(b, options: SessionOptions(lowers: lowers)).run(inputs)
            return wanted.map { name, tensor in found[name].map { tensor.relativeError(of: $0) } ?? .infinity }.max() ?? 0
        }.max() ?? 0
    }

    static func context(_ features: [ValueName: Tensor]) throws -> PassContext {
        let data = try Dataset(features.sorted { $0.key < $1.key }.map { .init(name: $0.key, $0.value) })
        return PassContext(calibration: data, training: data, validation: data)
    }
}
