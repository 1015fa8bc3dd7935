import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
import WinnowTraining
@testable import WinnowPasses

/// What changes in the course of training with quantization: normalizations in weights, statistics that stay, bits that fall.
struct QuantizationCourseTests {
    private static func course(_ change: (inout QuantizationCourse) -> Void = { _ in }) -> QuantizationCourse {
        var course = QuantizationCourse()
        change(&course)
        return course
    }

    private static func outputs(_ graph: Graph, _ context: PassContext, like original: Graph) throws -> [ValueName: Tensor] {
        try Session(graph, options: SessionOptions(lowers: false)).run(context.calibrationData(for: original).batch(at: Array(0..<16)))
    }

    /// Layers and normalizations in one compute what the model does, and so do they as training sees them, with masks too.
    @Test(arguments: [false, true]) func normalizationsInWeightsComputeTheSame(isMasked: Bool) throws {
        let graph = try isMasked ? MagnitudePruning(hyperparameters: ["sparsity": 0.5])(TestModels.residual()).graph.maskingZeros() : TestModels.residual()
        let context = try TestModels.context(for: graph)
        let normalizations = try TrainedNormalizations(graph, Self.course())
        let trained = try normalizations.unfolding(normalizations.folded)
        #expect(!normalizations.folded.nodes.contains { $0.op is BatchNormalization })
        #expect(trained.nodes.contains { $0.op is FreezableBatchNormalization } && trained.maskNodes.count == graph.maskNodes.count)
        let settled = try trained.foldingMasks().foldingTrainedNormalizations()
        #expect(!settled.nodes.contains { $0.op is FreezableBatchNormalization || $0.op is Div })
        let expected = try Self.outputs(graph, context, like: graph)
        for other in try [normalizations.folded, trained, settled].map({ try Self.outputs($0, context, like: graph) }) {
            for (name, tensor) in expected { #expect(tensor.relativeError(of: try #require(other[name])) < 1e-4) }
        }
        let plain = try FoldBatchNorm()(graph.foldingMasks()).graph
        for (name, tensor) in plain.initializers where settled.initializers[name] != nil {
            #expect(tensor.relativeError(of: try #require(settled.initializers[name])) < 1e-5, "\(name)")
        }
        #expect(try TrainedNormalizations(graph, Self.course { $0.foldBatchNorm = false }).folded.text == graph.text)
    }

    /// What was trained is what is written, wherever training has moved weights, normalizations and steps; bits may have fallen.
    @Test(arguments: ["quantization-aware-training", "learned-step-quantization"], [nil, 8]) func whatWasTrainedIsWritten(_ name: String, _ bits: Int?) throws {
        let graph = try TestModels.residual()
        let context = try TestModels.context(for: graph)
        var settings: [String: HyperparameterValue] = ["weights": "int4", "activations": "uint4", "profile": "coreml"]
        if let bits { settings["from-bits"] = .int(bits) }
        let pass = try #require(try PassStep(named: name, hyperparameters: settings).pass as? any TrainingPass)
        var setup = TrainingSetup(graph)
        try pass.prepare(&setup, in: context)
        #expect(setup.model.nodes.contains { $0.op is FreezableBatchNormalization })
        #expect(setup.model.nodes.contains { $0.op is FakeQuantize } == (bits != nil))
        var random = RandomGenerator(seed: 9)
        let changed = setup.model.initializers.filter { name, tensor in
            tensor.elementType == .float32 && tensor.rank > 0 && !name.hasSuffix(".scale") && graph.initializers[name] != nil
        }
        var moved = try setup.model.settingInitializers(changed.mapValues { tensor in
            Tensor(tensor.floats().map { $0 * (0.9 + 0.2 * random.uniform()) }, shape: tensor.shape)
        })
        // At the end of the run, as hooks leave it.
        let store = VariableStore(moved.initializers)
        for var hook in setup.hooks {
            var moment = TrainingMoment(step: 10, stepsPerEpoch: 10, totalSteps: 10, variables: store)
            try hook.step(&moment)
            #expect(hook.isSettled)
        }
        moved = try moved.settingInitializers(store.tensors.filter { $0.value.elementType == .float32 || $0.value.elementType == .int32 })
        let written = try pass.finalize(moved, in: context).graph
        #expect(!written.nodes.contains { $0.op is FreezableBatchNormalization || $0.op is FakeQuantize || $0.op is BatchNormalization })
        let (trained, stored) = try (Self.outputs(moved, context, like: graph), Self.outputs(written, context, like: graph))
        for (name, tensor) in trained { #expect(tensor.relativeError(of: try #require(stored[name])) < 1e-4) }
        for tensor in written.codedTensors where tensor.shape != nil { #expect(tensor.parameters.elementType == .int4) }
        try WrittenModels.keep(written, "passes", "\(name) course \(bits ?? 0)")
    }

    /// Frozen from the start, statistics stay what they were; taken from batches, they move.
    @Test func statisticsAreFrozen() throws {
        let graph = try TestModels.residual()
        let context = try TestModels.context(for: graph)
        func largest(_ end: Double) throws -> Float {
            let pass: HyperparameterValue = ["quantization-aware-training": ["freeze-statistics": .number(end), "profile": "coreml"]]
            let values: [String: HyperparameterValue] = ["epochs": 1, "learning-rate": 0, "batch-size": 16, "with": [pass], "keep-best": false]
            let (trained, folded) = (try Finetune(hyperparameters: values)(graph, in: context).graph, try FoldBatchNorm()(graph).graph)
            let names = folded.initializerNames.filter { folded.initializers[$0]?.rank == 1 && trained.initializers[$0]?.shape == folded.initializers[$0]?.shape }
            #expect(!names.isEmpty)
            return names.flatMap { name in
                zip(folded.initializers[name]?.floats() ?? [], trained.initializers[name]?.floats() ?? []).map { ($0 - $1).magnitude }
            }.max() ?? 0
        }
        #expect(try largest(0) < 1e-4)
        #expect(try largest(1) > 1e-3)
    }

    /// Each number of bits has an equal part of the run, and the last is that asked for; ranges stay.
    @Test func bitsFallOneByOne() throws {
        let bits = stride(from: 0, through: 1, by: 0.1).map { LoweredBits.bits(from: 8, to: 4, $0) }
        #expect(bits == [8, 8, 7, 7, 6, 6, 5, 5, 4, 4, 4])
        #expect(LoweredBits.bits(from: 4, to: 4, 0) == 4)
        let b = GraphBuilder("pair")
        let (scale, zero) = (b.constant("scale", Tensor(scalar: Float(1.7))), b.constant("zero_point", Tensor([5], shape: [], as: .uint4)))
        let codes = try b.add(QuantizeLinear(), b.input("x", .float32, ["N", 4]), scale, zero, name: "quantize")
        var graph = try b.graph(outputs: [b.add(DequantizeLinear(), codes, scale, zero, name: "dequantize")])
        let plain = graph
        var hook = try #require(try LoweredBits(from: 8, in: &graph))
        let wide = try #require(graph.initializers["zero_point.wide"]).integers()[0]
        #expect(abs((try #require(graph.initializers["scale"])).floats()[0] * 255 - 1.7 * 15) < 1e-4 && wide == 85)
        let store = VariableStore(graph.initializers)
        for step in 0...10 {
            var moment = TrainingMoment(step: step, stepsPerEpoch: 10, totalSteps: 10, variables: store)
            try hook.step(&moment)
            let count = Float((1 << bits[step]) - 1)
            #expect(abs((try #require(store["scale"])).floats()[0] * count - 1.7 * 15) < 1e-3 && hook.isSettled == (step >= 8))
        }
        let settled = try graph.settingInitializers(["scale": try #require(store["scale"]), "zero_point.wide": try #require(store["zero_point.wide"])]).settlingBits()
        let x = Tensor((0..<8).map { Float($0) * 2.3 - 9 }, shape: [2, 4])
        let (a, c) = (try Session(plain).run(["x": x]), try Session(settled).run(["x": x]))
        #expect(settled.infos["dequantize.codes"]?.elementType == .uint4)
        #expect(a.values.first?.relativeError(of: try #require(c.values.first)) ?? 1 < 1e-5)
    }

    /// A file may have pairs whose scale is 0: they have no range to keep.
    @Test func scalesOfNothingHaveCodes() {
        let encoding = LoweredBits.Encoding(scale: "s", zeroPoint: "z", op: FakeQuantize(range: 0...15, axis: nil), bits: 4, flag: "bits")
        let moved = encoding.moved(Tensor(scalar: Float(0)), Tensor([3.0], shape: [], as: .uint4), from: 4, to: 8)
        #expect(moved.scale.floats() == [0] && moved.zeroPoint.integers() == [0])
    }

    /// A run with falling bits ends with the bits that were asked for.
    @Test func aRunEndsInFewBits() throws {
        let graph = try TestModels.perceptron()
        let context = try TestModels.context(for: graph)
        for name in ["quantization-aware-training", "learned-step-quantization"] {
            let pass: HyperparameterValue = [name: ["weights": "int4", "activations": "uint4", "from-bits": 8]]
            let result = try Finetune(hyperparameters: ["epochs": 3, "learning-rate": 0.005, "batch-size": 32, "with": [pass]])(graph, in: context).graph
            let weights = result.codedTensors.filter { $0.shape != nil }
            #expect(weights.count == 3 && weights.allSatisfy { $0.parameters.elementType == .int4 })
            let data = try context.validationData(for: graph)
            #expect(try context.evaluate(result, data) > (try context.evaluate(graph, data)) - 0.15)
        }
        let pass: HyperparameterValue = ["quantization-aware-training": ["weights": "int4", "activations": "uint4", "from-bits": 8, "moving-ranges": true]]
        #expect(throws: WinnowError.self) { try Finetune(hyperparameters: ["epochs": 1, "with": [pass]])(graph, in: context) }
    }
}
