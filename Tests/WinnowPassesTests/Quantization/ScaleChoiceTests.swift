import Testing
import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
import WinnowTraining
@testable import WinnowPasses

/// Which numbers scales are.
struct ScaleChoiceTests {
    private static func arePowers(_ scales: [Float]) -> Bool { scales.allSatisfy { $0 > 0 && $0.significand == 1 } }

    /// Of 2⁻⁶, which clips nothing, and 2⁻⁷ the one that loses less: weights between its steps ask for the finer, large ones for the coarser.
    @Test func powersHaveTheLeastError() {
        let scheme = QuantizationScheme(bits: 8, .tensor).taking(.powerOfTwo)
        let between = [Float(1.001)] + (0..<40).map { Float(2 * $0 + 1) * 0x1p-7 }
        #expect(scheme.parameters(for: Tensor(between), channelAxis: nil).parameters.scales == [0x1p-7])
        let large = [Float](repeating: 1.9, count: 10) + (0..<40).map { Float($0) * 0x1p-6 }
        #expect(scheme.parameters(for: Tensor(large), channelAxis: nil).parameters.scales == [0x1p-6])
        // The range has steps of 44 / 15.
        let affine = QuantizationScheme(affine: 4, .tensor).taking(.powerOfTwo)
        let own = affine.parameters(for: Tensor([-4, 0, 4, 8, 40] as [Float]), channelAxis: nil).parameters
        #expect(own.scales == [4] && own.zeroPoints == [1] && own.roundTrip(Tensor([-4, 0, 4, 8, 40] as [Float])).floats() == [-4, 0, 4, 8, 40])
    }

    /// Every scheme with every kind of scale that it can have, as a file: scales are of their type, and what is read is what was written.
    @Test(
        arguments: ["int8", "int4-g16", "uint4-g32", "uint8", "fp4", "fp8-e4m3", "nvfp4", "fp8-128x128"],
        ["float32", "float16", "power-of-two", "e8m0", "e4m3"])
    func schemesTakeOtherScales(_ name: String, _ scales: String) throws {
        let graph = try QuantizationSchemeTests.wide()
        let settings: [String: HyperparameterValue] = ["scheme": .string(name), "scales": .string(scales), "mixed": false, "only": ["matrix", "head"]]
        let scheme = try #require(QuantizationPresets.all.first { $0.name == name }?.scheme)
        guard scales != "e4m3" || !scheme.isInteger else {
            let error = #expect(throws: WinnowError.self) { try WeightOnlyQuantization(hyperparameters: settings)(graph) }
            #expect(error?.description.contains("E4M3") == true)
            return
        }
        let result = try WeightOnlyQuantization(hyperparameters: settings)(graph).graph
        try WrittenModels.keep(result, "passes", "weight-only-quantization \(name) \(scales)")
        let types: [String: ElementType] = ["float16": .float16, "e8m0": .bfloat16, "e4m3": .float8E4M3FN]
        let found = result.initializers.filter { $0.key.hasSuffix(".scale") || $0.key.hasSuffix(".scales") }
        #expect(found.count == 2)
        for (name, tensor) in found {
            #expect(tensor.elementType == types[scales] ?? .float32, "\(name)")
            if scales == "power-of-two" || scales == "e8m0" { #expect(Self.arePowers(tensor.floats()), "\(name)") }
        }
        let index = GraphIndex(result)
        let read = result.nodes.filter { $0.op.quantization == .contraction }.flatMap(\.inputs)
        let values = read.filter { EncodedWeight(of: $0, in: index).map { $0.shape.rank > 1 } ?? false }
        #expect(!values.isEmpty)
        for value in values {
            let decoded = try #require(EncodedWeight(of: value, in: index)?.decoded)
            #expect(decoded == result.constantValue(of: value))
            let own = ["matrix", "head"].compactMap { graph.initializers[$0] }.first { $0.shape == decoded.shape }
            if let own { #expect(own.relativeError(of: decoded) < 0.3, "\(value)") }
        }
    }

    /// Small floats with scales of OCP Microscaling are its schemes; what has no scales has no others.
    @Test func schemesAreTheirParts() throws {
        let graph = try QuantizationSchemeTests.wide()
        func text(_ settings: [String: HyperparameterValue]) throws -> String {
            try WeightOnlyQuantization(hyperparameters: settings)(graph).graph.text
        }
        #expect(try text(["scheme": "fp4", "scales": "e8m0"]) == text(["scheme": "mxfp4"]))
        #expect(throws: WinnowError.self) { try text(["scheme": "palette-4", "scales": "float16"]) }
        let rules: HyperparameterValue = [["weights": "head", "scheme": "int8", "scales": "power-of-two"], ["weights": "matrix", "scheme": "int8"]]
        let mixed = try WeightOnlyQuantization(hyperparameters: ["scheme": "fp4", "scales": "float16", "rules": rules])(graph).graph
        #expect(Self.arePowers(try #require(mixed.initializers["head.scale"]).floats()) && mixed.initializers["head.scale"]?.elementType == .float32)
        #expect(mixed.initializers["matrix.scale"]?.elementType == .float16 && mixed.initializers["first.scales"]?.elementType == .float16)
        let wrong: HyperparameterValue = [["weights": "head", "scheme": "int8", "scales": "e4m3"]]
        #expect(throws: WinnowError.self) { try WeightOnlyQuantization(hyperparameters: ["rules": wrong])(graph) }
        let eight = try WeightOnlyQuantization(hyperparameters: ["bits": 4, "scales": "power-of-two"])(graph).graph
        #expect(Self.arePowers(try #require(eight.initializers["first.scale"]).floats()) && eight.initializers["first.codes"]?.elementType == .int8)
    }

    /// What a refusal says to do is not refused too.
    @Test(arguments: ["float32", "float16", "power-of-two", "e8m0", "e4m3"]) func palettesHaveNoScales(_ scales: String) throws {
        let graph = try TestModels.perceptron()
        let pass = try WeightOnlyQuantization(hyperparameters: ["scheme": "palette-4", "scales": .string(scales)])
        let error = #expect(throws: WinnowError.self) { try pass(graph) }
        #expect(error?.description.contains("palettes have no scales; leave them out") == true, "\(error?.description ?? "")")
    }

    /// Roundings that move scales move them from power to power.
    @Test(arguments: ["hqq", "gptq", "sequential-mse"]) func roundingsKeepPowers(_ name: String) throws {
        let graph = try TestModels.perceptron()
        let pass = try WeightOnlyQuantization(hyperparameters: [
            "bits": 4, "block-size": 4, "scales": "power-of-two", "rounding": .string(name),
        ])
        let result = try pass(graph, in: TestModels.context(for: graph)).graph
        let scales = result.initializers.filter { $0.key.hasSuffix(".weight.scale") }
        #expect(scales.count == 3 && scales.values.allSatisfy { Self.arePowers($0.floats()) })
    }

    /// Weights, activations and biases of layers in integers, in every tool's convention; a bias that asks for larger steps gets the next power.
    @Test(arguments: ["onnx", "torch"], ["uint8", "int8"]) func layersHavePowers(_ convention: String, _ activations: String) throws {
        for make in TestModels.makers + [{ try Self.largeBias() }] {
            let graph = try make()
            let pass = try StaticQuantization(hyperparameters: [
                "scales": "power-of-two", "convention": .string(convention), "activations": .string(activations), "output-sqnr": 0,
            ])
            let result = try pass(graph, in: TestModels.context(for: graph)).graph
            try WrittenModels.keep(result, "passes", "static-quantization power-of-two \(convention) \(activations) \(graph.name)")
            let scales = Self.scales(in: result)
            let others = scales.filter { !Self.arePowers($0.value) }.keys
            #expect(scales.count > 2 && others.isEmpty, "\(graph.name): \(others)")
        }
    }

    /// A layer whose bias does not fit int32 in steps of its sums.
    private static func largeBias() throws -> Graph {
        let b = GraphBuilder("large bias")
        let weight = Tensor(TestModels.normal([4, 12]).floats().map { $0 * 1e-6 }, shape: [4, 12])
        return try b.graph(outputs: [
            b.linear(b.input("x", .float32, ["N", 12]), b.constant("w", weight), b.constant("b", Tensor([1e4, -1e4, 3, 0] as [Float])), name: "fc")
        ])
    }

    private static func scales(in graph: Graph) -> [ValueName: [Float]] {
        var scales: [ValueName: [Float]] = [:]
        for node in graph.nodes where node.op is QuantizeLinear || node.op is DequantizeLinear {
            if let name = node.input(1), let tensor = graph.initializers[name] { scales[name] = tensor.floats() }
        }
        return scales
    }

    /// Trained weights keep powers, learned steps are rounded to them, and what was trained is what is written.
    @Test(arguments: ["nearest", "moving", "steps", "offsets", "clipping", "bits"]) func trainedScalesArePowers(_ kind: String) throws {
        let graph = try FoldBatchNorm()(TestModels.residual()).graph
        let context = try TestModels.context(for: graph)
        var settings: [String: HyperparameterValue] = ["scales": "power-of-two", "weights": "int4", "activations": "uint4", "profile": "coreml"]
        let isLearned = ["steps", "offsets", "clipping"].contains(kind)
        if kind == "moving" { settings["moving-ranges"] = true }
        if kind == "bits" { settings["from-bits"] = 8 }
        if isLearned { (settings["activation-learning"], settings["step-rate"]) = (.string(kind), 1) }
        let pass: HyperparameterValue = [isLearned ? "learned-step-quantization" : "quantization-aware-training": .table(settings)]
        let finetune = try Finetune(hyperparameters: ["epochs": 2, "learning-rate": 0.002, "batch-size": 32, "with": [pass]])
        let result = try finetune(graph, in: context).graph
        try WrittenModels.keep(result, "passes", "finetune power-of-two \(kind)")
        let scales = Self.scales(in: result)
        #expect(scales.count > 3 && scales.values.allSatisfy(Self.arePowers), "\(scales.filter { !Self.arePowers($0.value) }.keys)")
    }

    /// A bit less doubles a power of two; its range stays.
    @Test func fallingBitsDoublePowers() {
        let encoding = LoweredBits.Encoding(
            scale: "s", zeroPoint: "z", op: FakeQuantize(range: -8...7, axis: nil), bits: 4, flag: "bits", isPowerOfTwo: true)
        let moved = encoding.moved(Tensor(scalar: Float(0.25)), Tensor([0.0], shape: [], as: .int4), from: 4, to: 8)
        #expect(moved.scale.floats() == [0x1p-6] && moved.zeroPoint.integers() == [0])
        #expect(encoding.moved(moved.scale, moved.zeroPoint, from: 8, to: 5).scale.floats() == [0.125])
    }

    /// ∂2^⌈log₂ s⌉/∂s is that of s · (2^⌈log₂ s⌉ / s).
    @Test func learnedPowersAreStraightThrough() throws {
        let b = GraphBuilder("power")
        let s = b.constant("s", Tensor([0.3, 1, 5] as [Float]))
        let loss = try b.add(ReduceSum(keepsAxes: false), b.add(Mul(), b.add(PowerOfTwoScale(), s), b.input("x", .float32, [3])))
        let graph = try b.graph(outputs: [loss])
        let (joined, gradients) = try Differentiation.gradients(of: loss, withRespectTo: ["s"], in: graph)
        var edit = GraphEdit()
        edit.outputs = gradients.values.sorted()
        let results = try Session(joined.applying(edit)).run(["x": Tensor([1, 2, 3] as [Float])])
        let found = try #require(results.values.first).floats()
        for (own, wanted) in zip(found, [0.5 / 0.3, 2, 3 * 8 / 5] as [Float]) { #expect(abs(own - wanted) < 1e-5) }
    }
}
