import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

/// Codes of 2 bits in a type of theirs.
struct TwoBitCodesTests {
    private static let settings: [(pass: String, values: [String: HyperparameterValue])] = [
        ("weight-only-quantization", ["scheme": "uint2-g16", "mixed": false]), ("weight-only-quantization", ["scheme": "palette-2"]),
        ("fixed-point-quantization", ["bits": 2]), ("fixed-point-quantization", ["bits": 2, "per-channel": true]),
        ("palettization", ["bits": 1]), ("palettization", ["bits": 2, "group-size": 2]), ("palettization", ["bits": 2, "vector-size": 2]),
    ]

    private static func codes(in graph: Graph) -> [ValueName: Tensor] {
        graph.initializers.filter { $0.key.hasSuffix(".codes") && $0.value.elementType.bitWidth < 8 }
    }

    /// They are the same numbers in half the bytes, and are read back; the older operator set stays where nobody asked.
    @Test(arguments: settings.indices) func halfTheBytesAreTheSameNumbers(_ place: Int) throws {
        let (pass, values) = Self.settings[place]
        for make in TestModels.makers + [QuantizationSchemeTests.wide] {
            let graph = try make()
            func stored(_ type: String) throws -> PassResult {
                let all = values.merging(["two-bit-codes": .string(type)]) { $1 }
                return try PassStep(named: pass, hyperparameters: all).pass(graph)
            }
            let (wide, narrow) = (try stored("int4").graph, try stored("int2"))
            try WrittenModels.keep(narrow.graph, "passes", "\(pass) two bits \(place) \(graph.name)")
            let (before, after) = (Self.codes(in: wide), Self.codes(in: narrow.graph))
            #expect(!before.isEmpty && wide.metadata.version(of: "") < 25)
            for (name, own) in before {
                let tensor = try #require(after[name])
                #expect(own.elementType.bitWidth == 4 && own.doubles() == tensor.doubles())
                let isTold = narrow.findings.contains { $0.reason.contains("in 4 bits: ONNX Runtime") && name.hasPrefix("\($0.subject).codes") }
                #expect(tensor.elementType.bitWidth == (isTold ? 4 : 2), "\(graph.name) \(name)")
            }
            #expect(after.values.contains { $0.elementType.bitWidth == 2 } == (narrow.graph.metadata.version(of: "") >= 25))
            for (output, tensor) in try Zoo.outputs(of: wide, like: graph) {
                let other = try #require(Zoo.outputs(of: narrow.graph, like: graph)[output])
                #expect(tensor.relativeError(of: other) < 1e-5, "\(graph.name)")
            }
            let indices = (wide: GraphIndex(wide), narrow: GraphIndex(narrow.graph))
            for value in wide.infos.keys {
                guard let own = EncodedWeight(of: value, in: indices.wide) else { continue }
                #expect(EncodedWeight(of: value, in: indices.narrow)?.decoded == own.decoded, "\(value)")
            }
        }
    }

    /// ONNX Runtime 1.31 takes rows of a matrix on the right for whole bytes: such stay in 4 bits, and others' are named.
    @Test(arguments: [(24, false, true), (22, false, false), (22, true, true)])
    func rowsFillBytes(_ outputs: Int, _ transposed: Bool, _ isNarrow: Bool) throws {
        let b = GraphBuilder("product")
        let weight = TestModels.normal([32, outputs])
        let x = try b.input("x", .float32, ["N", 32])
        let w = b.constant("w", transposed ? weight.transposed([1, 0]) : weight)
        let graph = try b.graph(outputs: [b.add(Gemm(transposesRight: transposed), x, w, b.constant("b", TestModels.normal([outputs])), name: "y")])
        let result = try FixedPointQuantization(hyperparameters: ["bits": 2, "two-bit-codes": "int2"])(graph)
        #expect(result.graph.initializers["w.codes"]?.elementType == (isNarrow ? .int2 : .int4))
        let finding = try #require(result.findings.first { $0.subject == "w" })
        #expect(finding.after == (isNarrow ? 2 : 4) && finding.reason.contains("rows of 22 codes") == !isNarrow)
        let codes = try #require(result.graph.initializers["w.codes"])
        let strange = try result.graph.allowing([.int2]).applying(GraphEdit(setting: [("w.codes", codes.converted(to: .int2))]))
        func reasons(_ profile: String) -> [String] { Chosen<ExportProfiles>(name: profile).member.objections(to: strange).map(\.reason) }
        #expect(reasons("onnxruntime").contains { $0.contains("wrong products") } == !isNarrow)
        #expect(reasons("openvino") == ["openvino has no int2"])
    }

    /// A layer on codes of both sides, which ONNX Runtime refuses.
    @Test func productsOfCodesAreNamed() throws {
        let b = GraphBuilder("product")
        let step = b.constant("step", scalar: Float(0.5))
        let x = try b.input("x", .float32, ["N", 8])
        let data = try b.add(DequantizeLinear(), inputs: [b.add(QuantizeLinear(), inputs: [x, step])[0], step])[0]
        let codes = b.constant("codes", Tensor((0..<64).map { Double($0 % 4 - 2) }, shape: [8, 8], as: .int2))
        let weight = try b.add(DequantizeLinear(), inputs: [codes, step])[0]
        let graph = try b.graph(outputs: [b.add(MatMul(), data, weight, name: "layer")]).allowing([.int2])
        let reasons = Chosen<ExportProfiles>(name: "onnxruntime").member.objections(to: graph).map(\.reason)
        #expect(reasons.count == 1 && reasons[0].contains("layer") && reasons[0].contains("refuses"))
    }

    /// ONNX Runtime's own operators hold codes of 2 bits in 2 bits, in any operator set.
    @Test func ownOperatorsHoldTwoBits() throws {
        let graph = try QuantizationSchemeTests.wide()
        let values: [String: HyperparameterValue] = ["scheme": "uint2-g16", "mixed": false, "only": ["matrix", "head"]]
        let plain = try WeightOnlyQuantization(hyperparameters: values)(graph).graph
        let result = try WeightOnlyQuantization(hyperparameters: values.merging(["matrices": "matmul-nbits"]) { $1 })(graph)
        try WrittenModels.keep(result.graph, "passes", "weight-only-quantization matmul-nbits uint2-g16")
        let products = result.graph.nodes.compactMap { $0.op as? MatMulNBits }
        #expect(products.count == 2 && products.allSatisfy { $0.bitWidth == 2 } && result.graph.metadata.version(of: "") < 21)
        #expect(result.findings.filter { ["matrix", "head"].contains($0.subject) && $0.status == .done }.allSatisfy { $0.after == 2 })
        let index = GraphIndex(result.graph)
        for node in result.graph.nodes where node.op is MatMulNBits {
            #expect(EncodedWeight(packedIn: node, in: index)?.codes.elementType == .uint2)
        }
        for (output, tensor) in try Zoo.outputs(of: plain, like: graph) {
            let other = try #require(Zoo.outputs(of: result.graph, like: graph)[output])
            #expect(tensor.relativeError(of: other) < 1e-3)
        }
    }

    /// Rows of tables hold four codes in a byte, where they fill it.
    @Test(arguments: [(48, 2), (18, 4)]) func tablesHoldTwoBits(_ width: Int, _ bits: Int) throws {
        let b = GraphBuilder("table")
        let ids = try b.input("ids", .int64, ["N", 3])
        let graph = try b.graph(outputs: [b.add(Gather(axis: 0), b.constant("table", TestModels.normal([20, width])), ids, name: "lookup")])
        func stored(_ tables: String) throws -> Graph {
            try WeightOnlyQuantization(hyperparameters: ["scheme": "uint2-g16", "mixed": false, "tables": .string(tables)])(graph).graph
        }
        let (plain, packed) = (try stored("dequantize-linear"), try stored("gather-block-quantized"))
        try WrittenModels.keep(packed, "passes", "weight-only-quantization gather-block-quantized uint2-g16 \(width)")
        let node = try #require(packed.nodes.first { $0.op is GatherBlockQuantized })
        #expect((node.op as? GatherBlockQuantized)?.bitWidth == bits)
        #expect(packed.initializers["table.codes"]?.byteCount == 20 * width * bits / 8)
        #expect(EncodedWeight(gatheredBy: node, in: GraphIndex(packed))?.codes.elementType == (bits == 2 ? .uint2 : .uint4))
        for (output, tensor) in try Zoo.outputs(of: plain, like: graph) {
            let other = try #require(Zoo.outputs(of: packed, like: graph)[output])
            #expect(tensor.relativeError(of: other) < 1e-3)
        }
    }
}
