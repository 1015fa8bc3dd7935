import Testing
import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

struct QuantizationSchemeTests {
    private func scheme(_ name: String) throws -> QuantizationScheme {
        try #require(QuantizationPresets.all.first { $0.name == name }?.scheme)
    }

    /// Every preset on a model of every kind: the file runs, is reported, and codes read back are what the graph computes.
    @Test(arguments: QuantizationPresets.names) func everyPresetHoldsEverywhere(_ name: String) throws {
        for make in Zoo.all + TestModels.makers + [{ try Self.wide() }] {
            let graph = try make()
            let result = try WeightOnlyQuantization(hyperparameters: ["scheme": .string(name)])(graph)
            let place = "\(name) \(graph.name)"
            let reported = Set(result.findings.map(\.subject))
            for tensor in graph.weightTensors { #expect(reported.contains(tensor), "\(place): \(tensor)") }
            try WrittenModels.keep(result.graph, "passes", "weight-only-quantization \(place)")
            for (output, tensor) in try Zoo.outputs(of: result.graph, like: graph) { #expect(tensor.finiteness == nil, "\(place): \(output)") }
            let index = GraphIndex(result.graph)
            for node in result.graph.nodes {
                for value in node.inputs.prefix(3) where graph.initializers[value] == nil {
                    guard let encoded = EncodedWeight(of: value, in: index), encoded.shape.rank > 1 else { continue }
                    let weight = try #require(result.graph.constantValue(of: value))
                    #expect(encoded.shape == weight.shape && encoded.decoded == weight, "\(place): \(value)")
                }
            }
        }
    }

    /// A network whose layers are large enough for blocks: filters of 3 by 3, groups, a transposed filter, matrices, an LSTM.
    static func wide() throws -> Graph {
        let b = GraphBuilder("wide")
        let x = try b.input("x", .float32, ["N", 10, 6, 6])
        func weight(_ name: String, _ shape: Shape) -> ValueName { b.constant(name, TestModels.normal(shape, seed: UInt64(shape.elementCount))) }
        let first = try b.add(Relu(), b.conv(x, weight("first", [64, 10, 3, 3]), padding: 1, name: "conv1"), name: "relu1")
        let second = try b.add(Relu(), b.conv(first, weight("grouped", [64, 32, 3, 3]), padding: 1, groups: 2, name: "conv2"), name: "relu2")
        let larger = try b.add(ConvTranspose(window: Window(strides: [2, 2])), second, weight("transposed", [64, 80, 2, 2]), name: "larger")
        let flat = try b.add(Flatten(), b.add(GlobalAveragePool(), larger, name: "pool"), name: "flatten")
        let hidden = try b.add(MatMul(), flat, weight("matrix", [80, 96]), name: "product")
        let steps = try b.add(Reshape(), hidden, b.constant("steps", Tensor([1, -1, 96] as [Int64])), name: "steps.made")
        let layer = try b.add(
            LSTM(RecurrentParameters(hiddenSize: 64)), steps, weight("W", [1, 256, 96]), weight("R", [1, 256, 64]), weight("B", [1, 512]), name: "layer")
        let rows = try b.add(Reshape(), layer, b.constant("rows", Tensor([-1, 64] as [Int64])), name: "rows.made")
        return try b.graph(outputs: [b.linear(rows, weight("head", [24, 64]), name: "head")])
    }

    /// The larger half of the weights gets 4 bits, the smaller 8, and what could not have blocks 8 too; the report says why.
    @Test func mixedSchemesSpendBytesWhereTheyCount() throws {
        let graph = try Self.wide()
        let result = try WeightOnlyQuantization(hyperparameters: ["bits": 4])(graph)
        let types = Dictionary(uniqueKeysWithValues: ["first", "grouped", "transposed", "matrix", "W", "R", "head"].map { name in
            (name, result.graph.initializers["\(name).codes"]?.elementType)
        })
        #expect(types["transposed"] == .uint4 && types["W"] == .uint4 && types["first"] == .int8 && types["head"] == .int8)
        #expect(result.findings.contains { $0.subject == "first" && $0.reason.contains("8 bits: few inputs") })
        #expect(result.findings.contains { $0.subject == "head" && $0.reason.contains("8 bits: one of the smallest") })
        #expect(result.graph.initializers["transposed.scale"]?.elementType == .float16)
        #expect(result.graph.initializers["transposed.zero_point"]?.elementType == .uint4)
        #expect(result.graph.initializers["transposed.scale"]?.shape == [4, 80, 2, 2])
        let all = try WeightOnlyQuantization(hyperparameters: ["scheme": "int4-g32", "mixed": false])(graph).graph
        #expect(["first", "grouped", "W", "head"].allSatisfy { all.initializers["\($0).codes"]?.elementType == .int4 })
        #expect(all.initializers["first.codes"]?.shape == [64, 90])
        let explicit = try WeightOnlyQuantization(hyperparameters: ["bits": 4, "per-channel": true])(graph).graph
        #expect(["first", "grouped", "matrix"].allSatisfy { explicit.initializers["\($0).codes"]?.elementType == .int4 })
    }

    /// What a scheme says is not silently told otherwise, not even what holds without one; the same may be said twice.
    @Test(arguments: [("int4", 8), ("nf4", 8), ("int8", 4)]) func bitsDoNotContradictASchemeInSilence(scheme: String, bits: Int) throws {
        let graph = try Self.wide()
        func quantized(_ bits: Int) throws -> Graph {
            try WeightOnlyQuantization(hyperparameters: ["scheme": .string(scheme), "bits": .int(bits)])(graph).graph
        }
        let error = #expect(throws: WinnowError.self) { try quantized(bits) }
        #expect(error?.remedy == "set the one or the others")
        #expect(try quantized(12 - bits).text == WeightOnlyQuantization(hyperparameters: ["scheme": .string(scheme)])(graph).graph.text)
    }

    /// Runtimes have kernels for blocks of matrices that are stored as inputs by outputs.
    @Test func matricesOfGemmAreTurned() throws {
        let b = GraphBuilder("gemm")
        let graph = try b.graph(outputs: [b.linear(b.input("x", .float32, ["N", 96]), b.constant("w", TestModels.normal([128, 96])), name: "fc")])
        let result = try WeightOnlyQuantization(hyperparameters: ["bits": 4, "rules": [["weights": "w", "scheme": "uint4-g32"]]])(graph).graph
        #expect((result.nodes.first { $0.op is Gemm }?.op as? Gemm)?.transposesRight == false)
        #expect(result.initializers["w.codes"]?.shape == [96, 128] && result.initializers["w.scale"]?.shape == [3, 128])
        #expect(try TestModels.largestDifference(graph, result) < 4)
    }

    /// Matrices in ONNX Runtime's own operator compute the same, need no newer operator set, are read back and are not coded twice.
    @Test(arguments: ["int4-g16", "uint4-g32"]) func matricesArePacked(_ scheme: String) throws {
        let graph = try Self.wide()
        let rules: HyperparameterValue = [["weights": ["matrix", "head"], "scheme": .string(scheme)]]
        func stored(_ matrices: String) throws -> Graph {
            try WeightOnlyQuantization(hyperparameters: [
                "scheme": .string(scheme), "rules": rules, "matrices": .string(matrices), "only": ["matrix", "head"],
            ])(graph).graph
        }
        let (plain, packed) = (try stored("dequantize-linear"), try stored("matmul-nbits"))
        let nodes = packed.nodes.filter { $0.op is MatMulNBits }
        #expect(nodes.count == 2 && packed.neededVersions[""] == graph.neededVersions[""] && packed.neededVersions["com.microsoft"] == 1)
        for (output, tensor) in try Zoo.outputs(of: plain, like: graph) {
            let other = try #require(Zoo.outputs(of: packed, like: graph)[output])
            #expect(tensor.relativeError(of: other) < 1e-5)
        }
        for node in nodes {
            let encoded = try #require(EncodedWeight(packedIn: node, in: GraphIndex(packed)))
            let name = node.name.hasPrefix("product") ? "matrix" : "head"
            let value = try #require(plain.nodes.first { $0.input(0) == "\(name).codes" }?.output(0))
            let weight = try #require(EncodedWeight(of: value, in: GraphIndex(plain))).decoded
            #expect(encoded.decoded == weight.transposed([1, 0]), "\(name)")
        }
        let twice = try WeightOnlyQuantization(hyperparameters: ["bits": 4, "only": ["product*", "head*"]])(packed)
        #expect(twice.findings.contains { $0.reason.contains("stored as 4-bit codes already") })
        try WrittenModels.keep(packed, "passes", "weight-only-quantization matmul-nbits \(scheme)")
    }

    /// Rows that are looked up stay codes until they are read.
    @Test func tablesAreCoded() throws {
        let b = GraphBuilder("table")
        let ids = try b.input("ids", .int64, ["N", 3])
        let graph = try b.graph(outputs: [b.add(Gather(axis: 0), b.constant("table", TestModels.normal([20, 48])), ids, name: "lookup")])
        let result = try WeightOnlyQuantization(hyperparameters: ["scheme": "int8"])(graph)
        let lookup = try #require(result.graph.nodes.first { $0.input(0) == "table.codes" })
        #expect(lookup.op is Gather && result.graph.initializers["table"] == nil && result.graph.initializers["table.codes"]?.elementType == .int8)
        let (before, after) = (try Zoo.outputs(of: graph, like: graph), try Zoo.outputs(of: result.graph, like: graph))
        #expect(before.allSatisfy { $1.relativeError(of: after[$0] ?? $1) < 0.01 })
        #expect(try WeightOnlyQuantization()(graph).graph.initializers["table"] != nil)
    }

    /// Tables in ONNX Runtime's own operator give the rows that they give without it, are read back and are not coded twice.
    @Test(arguments: ["int8", "uint8", "int4-g16", "uint4-g32", "int4-g64"], [ElementType.float32, .float16])
    func tablesArePacked(_ scheme: String, _ type: ElementType) throws {
        let b = GraphBuilder("table")
        let (ids, table) = (try b.input("ids", .int64, ["N", 3]), TestModels.normal([20, 48]).converted(to: type))
        let graph = try b.graph(outputs: [b.add(Gather(axis: 0), b.constant("table", table), ids, name: "lookup")])
        func stored(_ tables: String) throws -> Graph {
            try WeightOnlyQuantization(hyperparameters: ["scheme": .string(scheme), "mixed": false, "tables": .string(tables)])(graph).graph
        }
        let (plain, packed) = (try stored("dequantize-linear"), try stored("gather-block-quantized"))
        let node = try #require(packed.nodes.first { $0.op is GatherBlockQuantized })
        #expect(packed.nodes.allSatisfy { $0.op is GatherBlockQuantized || $0.op is Cast })
        let encoded = try #require(EncodedWeight(gatheredBy: node, in: GraphIndex(packed)))
        let own = try #require(QuantizationPresets.all.first { $0.name == scheme }).scheme
        let (written, _) = own.encoded(table.converted(to: .float32), channelAxis: 0, inputAxis: 1)
        #expect(encoded.decoded == written.decoded && encoded.codes == written.codes && encoded.codes.elementType == written.codes.elementType)
        #expect(Parameters(packed).count == table.elementCount)
        // Products with scales in half precision are rounded to it.
        let bound = type == .float16 || own.scales == .float16 ? 1e-3 : 1e-6
        for (output, tensor) in try Zoo.outputs(of: plain, like: graph) {
            let other = try #require(Zoo.outputs(of: packed, like: graph)[output])
            #expect(tensor.relativeError(of: other) < bound && other.elementType == type)
        }
        let twice = try WeightOnlyQuantization(hyperparameters: ["bits": 4, "only": "lookup*"])(packed)
        #expect(twice.findings.contains { $0.reason.contains("codes already") })
        let file = try EncodingFile.with(packed.encodings(.offsets).json) { path in
            try WeightOnlyQuantization(hyperparameters: [
                "scheme": .string(scheme), "mixed": false, "tables": "gather-block-quantized", "encodings": .string(path),
            ])(graph).graph
        }
        #expect(try Zoo.outputs(of: file, like: graph) == Zoo.outputs(of: packed, like: graph))
        try WrittenModels.keep(packed, "passes", "weight-only-quantization gather-block-quantized \(scheme) \(type)")
    }

    /// A narrower range never has more error than the whole one.
    @Test(arguments: [QuantizationScheme(bits: 4, .block(16)), QuantizationScheme(affine: 4, .block(32)), QuantizationScheme(affine: 3, .channel)])
    func clippingReducesTheError(_ scheme: QuantizationScheme) {
        let weight = TestModels.normal([12, 64])
        func error(_ clips: Bool) -> Double {
            weight.relativeError(of: scheme.with { $0.clips = clips }.encoded(weight, channelAxis: 0, inputAxis: 1).encoded.decoded)
        }
        #expect(error(true) < error(false))
    }

    /// Sums of what shares a scale move by no more than half a step, and single numbers by no more than one.
    @Test func sumsArePreserved() {
        var random = RandomGenerator(seed: 3)
        for _ in 0..<200 {
            let quotients = (0..<16).map { _ in Float(random.normal()) * 3 }
            let codes = SumPreservingRounding.codes(quotients, -7...7)
            let errors = zip(codes, quotients).map { $0 - $1 }
            #expect(codes.allSatisfy { (-7...7).contains($0) && $0 == $0.rounded() })
            guard quotients.allSatisfy({ $0.magnitude < 7 }) else { continue }
            #expect(errors.reduce(0, +).magnitude <= 0.5001 && errors.allSatisfy { $0.magnitude < 1.0001 })
        }
    }

    @Test func blocksFollowTheLayer() {
        let block = QuantizationScheme.Granularity.block(16)
        func placement(_ shape: Shape, _ channel: Int?, _ input: Int?) -> ScalePlacement {
            block.placement(in: shape, channelAxis: channel, inputAxis: input).placement
        }
        #expect(placement([8, 32, 3, 3], 0, 1) == ScalePlacement([8, 32, 3, 3], axis: 1, blockSize: 16))
        #expect(placement([8, 10, 3, 3], 0, 1) == ScalePlacement([8, 90], axis: 1, blockSize: 16))
        #expect(placement([8, 20, 1, 1], 0, 1) == ScalePlacement([8, 20, 1, 1], axis: 1, blockSize: 16))
        #expect(placement([32, 8, 2, 2], 1, 0) == ScalePlacement([32, 8, 2, 2], axis: 0, blockSize: 16))
        #expect(placement([1, 64, 32], 1, 2) == ScalePlacement([1, 64, 32], axis: 2, blockSize: 16))
        #expect(ScalePlacement([8, 90], axis: 1, blockSize: 32).even.blockSize == 30)
        #expect(ScalePlacement([8, 20], axis: 1, blockSize: 32).even.blockSize == 20)
    }

    @Test func rulesGiveOtherSchemes() throws {
        let graph = try TestModels.convolutional()
        let result = try WeightOnlyQuantization(hyperparameters: [
            "scheme": "int8", "rules": [["weights": ["Gemm"], "scheme": "float"], ["weights": "conv1*", "scheme": "palette-4"]],
        ])(graph)
        #expect(result.graph.initializers["fc1.weight"] == graph.initializers["fc1.weight"])
        #expect(result.graph.initializers["conv1.weight.table"]?.elementCount == 16)
        #expect(result.findings.contains { $0.subject == "fc1.weight" && $0.status == .kept && $0.reason.contains("rule Gemm") })
        for rules in [[["weights": "nothing*", "scheme": "int8"]], [["weights": "conv1*", "scheme": "int7"]], [["weights": "conv1*"]]] as [HyperparameterValue] {
            #expect(throws: WinnowError.self) { try WeightOnlyQuantization(hyperparameters: ["rules": rules])(graph) }
        }
        #expect(throws: WinnowError.self) { try WeightOnlyQuantization(hyperparameters: ["scheme": "int8", "block-size": 32])(graph) }
    }

    /// What the report says of bytes is what the file holds.
    @Test(arguments: QuantizationPresets.names) func bytesAreThoseOfTheFile(_ name: String) throws {
        let weight = TestModels.normal([32, 96])
        let (encoded, _) = try scheme(name).encoded(weight, channelAxis: 0, inputAxis: 1)
        let b = GraphBuilder("bytes")
        let graph = try b.graph(outputs: [b.add(MatMul(), b.input("x", .float32, ["N", 32]), b.constant("w", weight), name: "product")])
        var storage = WeightStorage(graph)
        let targets = WeightTargets(graph, try Selection(in: graph)) { _ in nil }
        var names = FreshNames(graph)
        storage.store(encoded, inPlaceOf: targets.targets[0], &names)
        let stored = try storage.apply().initializers.filter { !$0.key.hasSuffix(".one") && !$0.key.hasSuffix(".extents") }
        #expect(stored.values.reduce(0) { $0 + $1.byteCount } == encoded.byteCount, "\(name)")
    }
}
