import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

/// Rotations and scales that go from values into the weights around them.
struct RotationTests {
    /// A residual stream of 24 channels, some of them far larger, from a table through normalizations, attention and layers to a head.
    static func stream(_ normalization: String, seed: UInt64 = 3, width: Int = 24) throws -> Graph {
        let b = GraphBuilder("stream-\(normalization)")
        var count = seed
        func numbers(_ shape: Shape, outliers axis: Int? = nil) -> Tensor {
            count += 1
            let tensor = TestModels.normal(shape, seed: count)
            guard let axis else { return Tensor(tensor.floats().map { $0 / Float(shape[0]).squareRoot() }, shape: shape) }
            let scales = (0..<shape[axis]).map { $0 % 7 == 3 ? 20.0 : 1 }
            return Tensor(tensor.scaled(by: scales, axis: axis).floats().map { $0 / Float(shape[0]).squareRoot() }, shape: shape)
        }
        func normalized(_ x: ValueName, _ name: String) throws -> ValueName {
            let scale = b.constant("\(name).scale", Tensor(numbers([width]).floats().map { 1 + $0 }))
            switch normalization {
            case "layer": return try b.add(LayerNormalization(), x, scale, b.constant("\(name).shift", numbers([width])), name: name)
            case "simplified": return try b.add(SimplifiedLayerNormalization(), x, scale, name: name)
            default: return try b.add(RMSNormalization(), x, scale, name: name)
            }
        }
        func matrix(_ name: String, _ from: Int, _ to: Int, outliers: Int? = nil) -> ValueName { b.constant(name, numbers([from, to], outliers: outliers)) }
        let ids = try b.input("ids", .int64, ["N", 6])
        var x = try b.add(Gather(axis: 0), b.constant("table", numbers([10, width], outliers: 1)), ids, name: "embedded")
        x = try b.add(Add(), x, b.constant("positions", numbers([6, width], outliers: 1)), name: "placed")
        let seen = try normalized(x, "norm1")
        let (keys, queries) = (try b.add(MatMul(), seen, matrix("k", width, 8), name: "keys"), try b.add(MatMul(), seen, matrix("q", width, 8), name: "queries"))
        let values = try b.add(Add(), b.add(MatMul(), seen, matrix("v", width, 16), name: "values"), b.constant("v.bias", numbers([16])), name: "biased")
        let parts = try b.add(Softmax(), b.add(MatMul(), queries, b.add(Transpose([0, 2, 1]), keys, name: "turned"), name: "scores"), name: "attention")
        let mixed = try b.add(MatMul(), parts, values, name: "mixed")
        x = try b.add(Add(), x, b.add(MatMul(), mixed, matrix("o", 16, width, outliers: 1), name: "given"), name: "sum1")
        let wide = try b.add(Relu(), b.add(MatMul(), normalized(x, "norm2"), matrix("up", width, 40), name: "raised"), name: "relu")
        x = try b.add(Add(), x, b.add(MatMul(), wide, matrix("down", 40, width, outliers: 1), name: "lowered"), name: "sum2")
        return try b.graph(outputs: [b.add(MatMul(), normalized(x, "norm3"), matrix("head", width, 5), name: "logits")])
    }

    private static func outputs(_ graph: Graph) throws -> Tensor {
        let ids = Tensor((0..<24).map { Int64($0 * 7 % 10) }, shape: [4, 6])
        return try #require(Session(graph, options: SessionOptions(lowers: false)).run(["ids": ids]).values.first)
    }

    /// R·Rᵀ = 1, rows of ones stay where they are to, and a single number becomes equal parts of all.
    @Test(arguments: [2, 8, 64], [false, true]) func rotationsAreOrthogonal(_ size: Int, _ keepsMeans: Bool) {
        let rotation = Rotation(size: size, keepsMeans: keepsMeans, seed: 5)
        let unit = Tensor((0..<size).flatMap { row in (0..<size).map { Float($0 == row ? 1 : 0) } }, shape: [size, size])
        let rows = rotation.applied(to: unit, axis: 1).floats()
        for a in 0..<size {
            for b in 0..<size {
                let product = (0..<size).reduce(0.0) { $0 + Double(rows[a * size + $1] * rows[b * size + $1]) }
                #expect(abs(product - (a == b ? 1 : 0)) < 1e-5)
            }
        }
        let ones = rotation.applied(to: Tensor(repeating: Float(1), shape: [3, size, 2]), axis: 1).floats()
        #expect(!keepsMeans || ones.allSatisfy { abs($0 - 1) < 1e-5 })
        if !keepsMeans { #expect(rows.allSatisfy { abs($0.magnitude - 1 / Float(size).squareRoot()) < 1e-6 }) }
        // Columns are turned as rows are.
        #expect(rotation.applied(to: unit, axis: 0).floats() == rotation.applied(to: unit, axis: 1).transposedFloats(size))
    }

    /// The model computes the same, its stream has no outliers, and 4 bits with a scale a channel lose less of its outputs.
    @Test(arguments: ["rms", "simplified", "layer"]) func rotatedStreamsAreEasierToRound(_ normalization: String) throws {
        var (plain, rotated) = (0.0, 0.0)
        for seed in [3, 40, 80, 120, 160, 200] as [UInt64] {
            let graph = try Self.stream(normalization, seed: seed)
            let result = try HadamardRotation()(graph)
            let (before, after) = (try Self.outputs(graph), try Self.outputs(result.graph))
            #expect(before.relativeError(of: after) <= 1e-5)
            let found = result.findings.filter { $0.status == .done && $0.quantity == .channelSpread }
            #expect(Set(found.map(\.subject)) == ["table", "k", "q", "v", "o", "up", "down", "head"])
            #expect(result.findings.contains { $0.subject == "down" && $0.status == .done })
            func error(_ graph: Graph) throws -> Double {
                let coded = try WeightOnlyQuantization(hyperparameters: ["scheme": "int4-g16", "mixed": false])(graph).graph
                return before.relativeError(of: try Self.outputs(coded))
            }
            plain += try error(graph)
            rotated += try error(result.graph)
            // ONNX does not know what ONNX Runtime adds to its domain.
            if seed == 3, normalization != "simplified" { try WrittenModels.keep(result.graph, "passes", "hadamard-rotation \(graph.name)") }
        }
        #expect(rotated < plain, "\(normalization): \(plain) \(rotated)")
    }

    /// What no rotation passes is left alone and named.
    @Test func nonlinearNodesAreRefused() throws {
        let result = try HadamardRotation()(TestModels.perceptron())
        #expect(result.graph.text == (try TestModels.perceptron()).text)
        #expect(result.findings.contains { $0.subject == "fc2.weight" && $0.status == .skipped && $0.reason.contains("Relu") })
        // A product with itself: its factors would be turned with it.
        let b = GraphBuilder("squares")
        let x = try b.add(MatMul(), b.input("x", .float32, ["N", 8, 8]), b.constant("a", TestModels.normal([8, 8])), name: "rows")
        let graph = try b.graph(outputs: [b.add(MatMul(), b.add(MatMul(), x, x, name: "square"), b.constant("b", TestModels.normal([8, 8])), name: "y")])
        #expect(try HadamardRotation()(graph).graph.text == graph.text)
    }

    /// Kept weights keep all around them.
    @Test func exceptionsHold() throws {
        let graph = try Self.stream("rms")
        let result = try HadamardRotation(hyperparameters: ["except": "down"])(graph).graph
        #expect(result.initializers["table"] == graph.initializers["table"] && result.initializers["v"] != graph.initializers["v"])
    }

    /// The shift of a normalization goes into the bias of the layer behind, the constant that is added behind, or a new bias.
    @Test(arguments: ["none", "one", "each", "behind"]) func biasesTakeShifts(_ bias: String) throws {
        let b = GraphBuilder("shifted")
        let rows = try b.add(MatMul(), b.input("x", .float32, ["N", 12]), b.constant("a", TestModels.normal([12, 16], seed: 1)), name: "rows")
        let parameters = [b.constant("scale", TestModels.normal([16], seed: 2)), b.constant("shift", TestModels.normal([16], seed: 3))]
        let normal = try b.add(LayerNormalization(), rows, parameters[0], parameters[1], name: "norm")
        let (weight, numbers) = (b.constant("w", TestModels.normal([16, 5], seed: 4)), TestModels.normal([bias == "one" ? 1 : 5], seed: 5))
        let own = bias == "none" ? nil : b.constant("bias", numbers)
        let y = try bias == "behind" ? b.add(Add(), b.add(MatMul(), normal, weight), own) : b.add(Gemm(), normal, weight, own)
        let graph = try b.graph(outputs: [y])
        let result = try HadamardRotation()(graph).graph
        #expect(result.initializers["w"] != graph.initializers["w"] && result.nodes.count == graph.nodes.count)
        #expect(result.nodes.count { $0.op is Add } == (bias == "behind" ? 1 : 0))
        #expect(try StrangeWeights.distance(graph, result, on: ["x": TestModels.normal([4, 12], seed: 6)]) < 1e-5)
    }

    /// Without γ the values that layers read are flatter; outputs stay, and a second time there is nothing to do.
    @Test(arguments: ["rms", "simplified", "layer"]) func scalesGoIntoLayers(_ normalization: String) throws {
        let graph = try Self.stream(normalization)
        let result = try OutlierSuppression()(graph)
        #expect(try Self.outputs(graph).relativeError(of: Self.outputs(result.graph)) <= 1e-5)
        #expect(Set(result.findings.filter { $0.status == .done }.map(\.subject)) == ["k", "q", "v", "up", "head"])
        #expect(try OutlierSuppression()(result.graph).graph.text == result.graph.text)
        for node in result.graph.nodes where node.name.hasPrefix("norm") && !(node.op is Mul) {
            #expect(try #require(result.graph.initializers[node.inputs[1]]).floats().allSatisfy { $0.magnitude == 1 })
        }
        // What others read too keeps its scale.
        let (b, x) = (GraphBuilder("shared"), Tensor((0..<32).map { Float($0 % 11) - 5 }, shape: [4, 8]))
        let scale = b.constant("scale", Tensor((0..<8).map { $0 == 2 ? Float(-30) : $0 == 5 ? 0 : 1 }))
        let value = try b.add(LayerNormalization(), b.input("x", .float32, ["N", 8]), scale, b.constant("shift", TestModels.normal([8])), name: "norm")
        let shared = try b.graph(outputs: [b.add(Add(), value, b.add(MatMul(), value, b.constant("w", TestModels.normal([8, 8])), name: "layer"), name: "sum")])
        let changed = try OutlierSuppression()(shared).graph
        #expect(changed.nodes.contains { $0.op is Mul && $0.name == "norm.scaled" })
        let outputs = try (Session(shared).run(["x": x]), Session(changed).run(["x": x]))
        #expect(try #require(outputs.0["sum"]).relativeError(of: try #require(outputs.1["sum"])) <= 1e-5)
        for graph in normalization == "simplified" ? [changed] : [result.graph, changed] { try WrittenModels.keep(graph, "passes", "outlier-suppression \(graph.name)") }
    }
}

extension Tensor {
    fileprivate func transposedFloats(_ size: Int) -> [Float] { transposed([1, 0]).floats() }
}
