import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

/// A graph with pairs of QuantizeLinear and DequantizeLinear as static quantization writes them.
private struct CodedGraph {
    let b = GraphBuilder("coded")

    func data(_ extents: [Extent], zeroPoint: UInt8 = 128) throws -> ValueName {
        try pair(b.input("x", .float32, extents), "x", zeroPoint)
    }

    func pair(_ value: ValueName, _ name: String, _ zeroPoint: UInt8) throws -> ValueName {
        let parameters = [b.constant("\(name).scale", scalar: Float(0.02)), b.constant("\(name).zero", scalar: zeroPoint)]
        let codes = try b.add(QuantizeLinear(), inputs: [value] + parameters)[0]
        return try b.add(DequantizeLinear(), inputs: [codes] + parameters)[0]
    }

    func weight(_ shape: Shape, axis: Int? = nil) throws -> ValueName {
        let codes = Tensor((0..<shape.reduce(1, *)).map { Int8($0 * 7 % 200 - 100) }, shape: shape)
        let count = axis.map { shape[$0] } ?? 1
        let scales = Tensor((0..<count).map { Float($0 + 1) * 0.001 }, shape: axis == nil ? [] : [count])
        let zeros = Tensor([Int8](repeating: 0, count: count), shape: axis == nil ? [] : [count])
        return try b.add(
            DequantizeLinear(axis: axis), inputs: [b.constant("w", codes), b.constant("w.scale", scales), b.constant("w.zero", zeros)])[0]
    }

    func bias(_ shape: Shape) throws -> ValueName {
        let codes = Tensor((0..<shape.reduce(1, *)).map { Int32($0 * 100) }, shape: shape)
        return try b.add(DequantizeLinear(), inputs: [b.constant("b", codes), b.constant("b.scale", scalar: Float(2e-5))])[0]
    }

    func add(_ op: any Operator, _ inputs: ValueName...) throws -> ValueName { try b.add(op, inputs: inputs)[0] }
}

/// What ONNX Runtime 1.31 and OpenVINO 2026.4 were seen to compute in integers.
struct RuntimePredictionTests {
    private func isInteger(on profile: String, _ build: (CodedGraph) throws -> ValueName) throws -> Bool {
        let coded = CodedGraph()
        let graph = try coded.b.graph(outputs: [build(coded)])
        let prediction = try #require(RuntimePrediction(graph, on: Chosen<ExportProfiles>(name: profile).member))
        #expect(prediction.layerCount == 1)
        return prediction.integerLayerCount == 1
    }

    /// ONNX Runtime makes one Gemm of a MatMul and an Add where extents say that it may, and then asks for codes around both.
    @Test func sumsThatAreMergedAskForBiases() throws {
        let cases: [(data: [Extent], added: [Extent], isInteger: Bool)] = [
            (["B", 24], ["B", 24], false), (["B", 24], [24], false), (["B", 24], [1, 24], false), (["B", 24], ["B", 1], false),
            (["B", 24], [1], true), (["B", 24], ["C", 24], true), (["B", 24], [1, "B", 24], true), ([5, 24], [5, 1], false),
            (["B", 5, 24], ["B", 5, 24], true), (["B", 5, 24], [24], true), ([2, 5, 24], [24], false), ([2, 5, 24], [1, 24], true),
        ]
        for (data, added, expected) in cases {
            for profile in ["onnxruntime", "openvino"] {
                let found = try isInteger(on: profile) { coded in
                    let product = try coded.add(MatMul(), coded.data(data), coded.weight([24, 24]))
                    return try coded.add(Add(), product, coded.b.input("z", .float32, added))
                }
                #expect(found == (expected || profile == "openvino"), "\(profile) \(data) + \(added)")
            }
        }
        #expect(try isInteger(on: "onnxruntime") { try $0.add(Add(), $0.add(MatMul(), $0.data(["B", 24]), $0.weight([24, 24])), $0.bias([24])) })
    }

    /// A product of two constants has a weight on either side.
    @Test func everyWeightOfALayerIsLookedAt() throws {
        let coded = CodedGraph()
        let product = try coded.add(MatMul(), coded.b.constant("a", TestModels.normal([24, 24])), coded.weight([24, 24]))
        let graph = try coded.b.graph(outputs: [coded.add(Add(), coded.b.input("x", .float32, ["N", 24]), product)])
        let prediction = try #require(RuntimePrediction(graph, on: Chosen<ExportProfiles>(name: "onnxruntime").member))
        #expect(prediction.floatLayers.map(\.reason) == ["its data do not come as codes of 8 bits"])
    }

    @Test func gemmsAddBiasesOfInt32Alone() throws {
        for (profile, addsFloats) in [("onnxruntime", false), ("openvino", true)] {
            #expect(try isInteger(on: profile) { try $0.add(Gemm(alpha: 0.5), $0.data(["B", 24]), $0.weight([24, 24])) })
            #expect(try isInteger(on: profile) { try $0.add(Gemm(), $0.data(["B", 24]), $0.weight([24, 24]), $0.bias([24])) })
            #expect(
                try isInteger(on: profile) { try $0.add(Gemm(beta: 0.5), $0.data(["B", 24]), $0.weight([24, 24]), $0.bias([24])) } == addsFloats)
            #expect(
                try isInteger(on: profile) { coded in
                    try coded.add(Gemm(), coded.data(["B", 24]), coded.weight([24, 24]), coded.b.input("z", .float32, ["B", 24]))
                } == addsFloats)
            #expect(
                try isInteger(on: profile) { coded in
                    let product = try coded.add(Gemm(), coded.data(["B", 24]), coded.weight([24, 24]))
                    return try coded.add(Sum(), product, coded.b.input("z", .float32, ["B", 24]))
                } == addsFloats)
        }
    }

    /// The order of data and weight, as it is after ONNX Runtime drew a Transpose into a Gemm.
    @Test func weightsThatComeFirst() throws {
        for profile in ["onnxruntime", "openvino"] {
            let isMerged = profile == "onnxruntime"
            for op in [MatMul(), Gemm()] as [any Operator] {
                let left = try isInteger(on: profile) { try $0.add(op, $0.weight([24, 24], axis: 0), $0.data([24, "B"])) }
                #expect(!left, "\(profile) \(op.type)")
                let turned = try isInteger(on: profile) { coded in
                    try coded.add(Transpose(), coded.add(op, coded.weight([24, 24], axis: 0), coded.data([24, "B"])))
                }
                #expect(turned == (isMerged && op is Gemm), "\(profile) \(op.type)")
                let right = try isInteger(on: profile) { coded in
                    try coded.add(Transpose(), coded.add(op, coded.data(["B", 24]), coded.weight([24, 24], axis: 1)))
                }
                #expect(right != (isMerged && op is Gemm), "\(profile) \(op.type)")
            }
        }
        #expect(try isInteger(on: "openvino") { try $0.add(MatMul(), $0.weight([24, 24]), $0.data([24, "B"])) })
        #expect(try !isInteger(on: "openvino") { try $0.add(MatMul(), $0.weight([24, 24]), $0.data([24, "B"], zeroPoint: 127)) })
    }

    /// A Relu that gives one reader floats takes codes away from the product in front of it; an output or two readers do not.
    @Test func limitsThatGiveFloats() throws {
        func limited(_ coded: CodedGraph, _ op: any Operator) throws -> ValueName {
            try coded.add(Relu(), coded.add(op, coded.data(["B", 24]), coded.weight([24, 24])))
        }
        for op in [MatMul(), Gemm()] as [any Operator] {
            #expect(try isInteger(on: "onnxruntime") { try limited($0, op) })
            #expect(try !isInteger(on: "onnxruntime") { try $0.add(Tanh(), limited($0, op)) })
            #expect(try isInteger(on: "openvino") { try $0.add(Tanh(), limited($0, op)) })
            #expect(try isInteger(on: "onnxruntime") { coded in
                let value = try limited(coded, op)
                return try coded.add(Mul(), coded.add(Tanh(), value), coded.add(Sigmoid(), value))
            })
            #expect(try isInteger(on: "onnxruntime") { try $0.pair(limited($0, op), "y", 0) })
            #expect(try !isInteger(on: "onnxruntime") { try $0.pair(limited($0, op), "y", 3) })
        }
    }

    @Test func transposedConvolutions() throws {
        func transposed(_ coded: CodedGraph, zeroPoint: UInt8, groups: Int = 1) throws -> ValueName {
            let data = try coded.data(["B", 4, 8, 8], zeroPoint: zeroPoint)
            return try coded.add(ConvTranspose(groups: groups), data, coded.weight([4, 4 / groups, 2, 2], axis: 1))
        }
        #expect(try isInteger(on: "openvino") { try transposed($0, zeroPoint: 0) })
        #expect(try !isInteger(on: "openvino") { try transposed($0, zeroPoint: 128) })
        #expect(try !isInteger(on: "openvino") { try transposed($0, zeroPoint: 0, groups: 2) })
        #expect(try !isInteger(on: "onnxruntime") { try $0.pair(transposed($0, zeroPoint: 0), "y", 128) })
    }

    /// x → Relu(x·W + b)·V + x, x·W + x·V, Gemm with C of data and of a matrix.
    private func matrixSums() throws -> [Graph] {
        func graph(_ name: String, _ build: (GraphBuilder, ValueName, ValueName, ValueName) throws -> ValueName) throws -> Graph {
            let b = GraphBuilder(name)
            let x = try b.input("x", .float32, ["N", 24])
            let (w, v) = (b.constant("w", TestModels.normal([24, 24])), b.constant("v", TestModels.normal([24, 24], seed: 6)))
            return try b.graph(outputs: [build(b, x, w, v)])
        }
        return try [
            graph("residual") { b, x, w, v in
                let inner = try b.add(Relu(), b.add(Add(), b.add(MatMul(), x, w), b.constant("b", TestModels.normal([24]))))
                return try b.add(Add(), b.add(MatMul(), inner, v), x)
            },
            graph("products") { b, x, w, v in try b.add(Add(), b.add(MatMul(), x, w), b.add(MatMul(), x, v)) },
            graph("sum") { b, x, w, v in try b.add(Sum(), b.add(Gemm(), x, w), b.add(Gemm(), x, v)) },
            graph("added data") { b, x, w, v in try b.add(Gemm(alpha: 0.5), b.add(Gemm(), x, w, x), v, x) },
        ]
    }

    /// Where ONNX Runtime would add something else than a bias within a layer, it is added behind it: all layers stay integers.
    @Test func sumsAreWrittenBehindLayers() throws {
        for graph in try matrixSums() {
            func quantized(_ profile: String) throws -> PassResult {
                try StaticQuantization(hyperparameters: ["profile": .string(profile), "output-sqnr": 0])(
                    graph, in: TestModels.context(for: graph))
            }
            let result = try quantized("onnxruntime")
            #expect(result.findings.contains { $0.reason.contains("2 of 2 layers in integers") }, "\(graph.name)")
            let index = GraphIndex(result.graph)
            for node in result.graph.nodes where node.op.quantization == .contraction {
                #expect(node.op is Gemm && (node.input(2) == nil || index.standsForSums(node.input(2))), "\(graph.name) \(node.name)")
            }
            #expect(try quantized("openvino").graph.nodes.count(where: { $0.op is MatMul }) == graph.nodes.count(where: { $0.op is MatMul })
                - (graph.name == "residual" ? 1 : 0), "\(graph.name)")
            let inputs = try TestModels.dataset(for: graph, count: 16).features[0].tensor
            let (a, b) = (try TestModels.predictions(of: graph, on: inputs), try TestModels.predictions(of: result.graph, on: inputs))
            let (own, other) = (Tensor(a.flatMap { $0 }), Tensor(b.flatMap { $0 }))
            #expect(own.relativeError(of: other) < 0.05, "\(graph.name) \(own.relativeError(of: other))")
        }
    }
}
