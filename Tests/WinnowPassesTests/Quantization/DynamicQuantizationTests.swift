import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

struct DynamicQuantizationTests {
    @Test func matrixProductsBecomeIntegers() throws {
        let graph = try TestModels.convolutional()
        let result = try DynamicQuantization()(graph)
        #expect(result.graph.nodes.count { $0.op is MatMulInteger } == 2)
        #expect(!result.graph.nodes.contains { $0.op is Gemm })
        #expect(result.graph.initializers["fc1.weight.codes"]?.elementType == .int8)
        #expect(result.findings.contains { $0.subject == "conv1.weight" && $0.status == .kept })
    }

    @Test(arguments: [true, false])
    func outputsStayNear(_ perChannel: Bool) throws {
        let graph = try TestModels.perceptron()
        let result = try DynamicQuantization(hyperparameters: ["per-channel": .bool(perChannel)])(graph).graph
        let samples = try TestModels.dataset(for: graph, count: 32).features[0].tensor
        let exact = try TestModels.predictions(of: graph, on: samples).flatMap { $0 }
        let spread = (exact.max() ?? 0) - (exact.min() ?? 0)
        #expect(try TestModels.largestDifference(graph, result) < 0.04 * spread)
    }

    @Test func transposedAndPlainWeightsAgree() throws {
        var random = RandomGenerator(seed: 1)
        let weight = Tensor((0..<24).map { _ in random.normal() }, shape: [4, 6])
        func graph(_ isTransposed: Bool) throws -> Graph {
            let b = GraphBuilder("gemm")
            let x = try b.input("x", .float32, ["N", 6])
            let w = b.constant("w", isTransposed ? weight : weight.transposed([1, 0]))
            let gemm = Gemm(transposesRight: isTransposed, alpha: 0.5, beta: 2)
            return try b.graph(outputs: [b.add(gemm, x, w, b.constant("b", Tensor([Float(1), 2, 3, 4])), name: "y")])
        }
        let (a, b) = (try DynamicQuantization()(graph(true)).graph, try DynamicQuantization()(graph(false)).graph)
        #expect(try TestModels.largestDifference(a, b) == 0)
        #expect(try TestModels.largestDifference(graph(true), a) < 0.05)
    }

    @Test func convolutionsOfEitherDirectionStayFloat() throws {
        let b = GraphBuilder("upscaling")
        let x = try b.input("x", .float32, ["N", 4, 5, 5])
        let w = b.constant("w", TestModels.normal([4, 3, 2, 2]))
        let result = try DynamicQuantization()(b.graph(outputs: [b.add(ConvTranspose(window: Window(strides: [2, 2])), x, w, name: "y")]))
        #expect(result.findings.contains { $0.subject == "w" && $0.status == .kept && $0.reason == "convolutions stay float" })
    }

    /// Scales of products' and recurrent layers' weights, in every tool's convention; none clips, and none is coarser than it need be.
    @Test(arguments: ["onnx", "torch"], [true, false]) func scalesArePowers(_ convention: String, _ perChannel: Bool) throws {
        let own: [String: HyperparameterValue] = ["per-channel": .bool(perChannel), "convention": .string(convention)]
        for graph in [try TestModels.perceptron(), try TestModels.recurrent()] {
            let plain = try DynamicQuantization(hyperparameters: own)(graph).graph
            let result = try DynamicQuantization(hyperparameters: own.merging(["scales": "power-of-two"]) { $1 })(graph).graph
            try WrittenModels.keep(result, "passes", "dynamic-quantization power-of-two \(convention) \(perChannel) \(graph.name)")
            let names = result.initializers.keys.filter { $0.hasSuffix(".scale") }
            #expect(!names.isEmpty)
            for name in names {
                let scales = try #require(result.initializers[name]).floats()
                let ranges = try #require(plain.initializers[name]).floats()
                #expect(scales.allSatisfy { $0.significand == 1 }, "\(name)")
                #expect(zip(scales, ranges).allSatisfy { $0 <= 2.04 * $1 && $0 >= 0.49 * $1 }, "\(name)")
            }
        }
    }
}
