import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

/// Weights and biases as exporters spell them.
struct SpelledBiasTests {
    private func numbers(_ shape: Shape, _ deviation: Float, seed: UInt64) -> Tensor {
        var random = RandomGenerator(seed: seed)
        return Tensor((0..<shape.elementCount).map { _ in deviation * random.normal() }, shape: shape)
    }

    private func quantized(_ graph: Graph, _ name: String, on samples: Tensor) throws -> (graph: Graph, error: Double) {
        let input = graph.inputNames[0]
        let context = PassContext(calibration: try Dataset([.init(name: input, samples)]))
        let result = try StaticQuantization()(graph, in: context).graph
        if samples.elementType == .float32 { try WrittenModels.keep(result, "passes", "static-quantization \(name)") }
        let (a, b) = (try Session(graph).run([input: samples]), try Session(result).run([input: samples]))
        let output = graph.outputNames[0]
        return (result, try #require(a[output]).relativeError(of: #require(b[output])))
    }

    /// Tiny weights beside a bias of ordinary size: it is stored in integers, with steps that it fits.
    @Test(arguments: ["product", "reversed", "row", "identity", "computed", "transposed"]) func biasesAreStored(spelling: String) throws {
        let b = GraphBuilder("bias")
        let x = try b.input("x", .float32, ["N", 8])
        let weight = numbers([8, 6], 1e-9, seed: 1)
        let bias = b.constant("b", numbers(spelling == "row" ? [1, 6] : [6], 1, seed: 2))
        let w = try spelling == "transposed"
            ? b.add(Transpose([1, 0]), b.constant("w", weight.transposed([1, 0]))) : b.constant("w", weight)
        let y: ValueName
        switch spelling {
        case "identity": y = try b.add(Gemm(), inputs: [x, w, b.add(Identity(), bias)])[0]
        case "computed": y = try b.add(Gemm(), inputs: [x, w, b.add(Mul(), bias, b.constant("two", Tensor(scalar: Float(2))))])[0]
        case "reversed": y = try b.add(Add(), bias, b.add(MatMul(), x, w))
        default: y = try b.add(Add(), b.add(MatMul(), x, w), bias)
        }
        let (result, error) = try quantized(b.graph(outputs: [y]), "bias \(spelling)", on: numbers([64, 8], 1, seed: 3))
        #expect(error < 0.01)
        #expect(result.initializers.values.contains { $0.elementType == .int32 && $0.elementCount == 6 })
    }

    /// A table in half precision that is looked up and multiplied with: no reader gets it in steps of 1.
    @Test(arguments: ["cast", "squeezed"]) func tiedTablesKeepTheirScale(spelling: String) throws {
        let b = GraphBuilder("tied")
        let ids = try b.input("ids", .int64, ["N"])
        let table = numbers([12, 8], 0.1, seed: 4)
        let e = try spelling == "cast"
            ? b.add(Cast(to: .float32), b.constant("e", table.converted(to: .float16)))
            : b.add(Squeeze(), b.constant("e", table.reshaped([1, 12, 8])), b.constant("axes", Tensor([0] as [Int64])))
        let s = try b.add(Tanh(), b.add(Gather(axis: 0), e, ids))
        let graph = try b.graph(outputs: [b.add(MatMul(), s, b.add(Transpose([1, 0]), e))])
        #expect(try quantized(graph, "tied", on: Tensor((0..<48).map { Int64($0 % 12) })).error < 0.03)
    }

    /// Most runtimes have no product of bfloat16, so no mask is left in it.
    @Test func masksAreNotMultipliedInBFloat16() throws {
        let b = GraphBuilder("half")
        let x = try b.input("x", .float32, ["N", 8])
        let w = try b.add(Cast(to: .float32), b.constant("w", numbers([8, 6], 1, seed: 5).converted(to: .bfloat16)))
        let result = try MagnitudePruning(hyperparameters: ["keep-mask": true, "sparsity": 0.5])(b.graph(outputs: [b.add(MatMul(), x, w)]))
        #expect(result.graph.maskNodes.isEmpty && result.findings.contains { $0.status == .fellBack && $0.subject == "w" })
        #expect(result.graph.initializers["w"]?.sparsity == 0.5)
    }

    /// A bias that a profile leaves float is told of where it would not fit the integers that an optimizer makes of it; with the profile of
    /// integer biases the steps are such that it fits.
    @Test(arguments: [("tensorrt", 1e-9, true), ("tensorrt", 1, false), ("coreml", 1e-9, true), ("onnxruntime", 1e-9, false)])
    func floatBiasesBeyondTheSumsAreNamed(profile: String, scale: Float, isNamed: Bool) throws {
        let b = GraphBuilder("bias")
        let x = try b.input("x", .float32, ["N", 16])
        var weight = numbers([16, 8], 0.3, seed: 1).floats()
        for index in stride(from: 2, to: weight.count, by: 8) { weight[index] *= scale }
        let y = try b.add(
            Gemm(), x, b.constant("w", Tensor(weight, shape: [16, 8])), b.constant("b", numbers([8], 0.3, seed: 2)), name: "layer")
        let graph = try b.graph(outputs: [b.add(MatMul(), y, b.constant("v", numbers([8, 8], 0.3, seed: 3)))])
        let context = PassContext(calibration: try Dataset([.init(name: "x", numbers([32, 16], 1, seed: 4))]))
        let findings = try StaticQuantization(hyperparameters: ["profile": .string(profile), "output-sqnr": 0])(graph, in: context).findings
        #expect(findings.contains { $0.subject == "layer" && $0.reason.contains("its bias is beyond 32 bits") } == isNamed, "\(findings)")
    }
}
