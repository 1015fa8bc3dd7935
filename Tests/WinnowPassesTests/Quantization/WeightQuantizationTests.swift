import Testing
import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
import WinnowTraining
@testable import WinnowPasses

struct FixedPointQuantizationTests {
    private func codes(_ graph: Graph, _ name: String) throws -> [Int] {
        try #require(graph.initializers["\(name).codes"]).integers()
    }

    /// Signed codes of b bits lie in ±(2^(b−1) − 1), the scale is kept, zero stays zero.
    @Test(arguments: [(2, ElementType.int4), (4, .int4), (6, .int8), (8, .int8), (12, .int16)])
    func codesFit(_ bits: Int, _ type: ElementType) throws {
        let graph = try TestModels.perceptron()
        let result = try FixedPointQuantization(hyperparameters: ["bits": .int(bits)])(graph).graph
        let limit = (1 << (bits - 1)) - 1
        let codes = try codes(result, "fc1.weight")
        #expect(result.initializers["fc1.weight.codes"]?.elementType == type)
        #expect(codes.allSatisfy { abs($0) <= limit } && codes.contains { abs($0) == limit })
        let scale = try #require(result.initializers["fc1.weight.scale"]).floats()[0]
        for (code, value) in zip(codes, graph.initializers["fc1.weight"]?.floats() ?? []) {
            #expect(abs(Float(code) * scale - value) <= scale * 0.5001)
        }
    }

    @Test func anAllZeroTensorIsFine() throws {
        let graph = try TestModels.perceptron().settingInitializers(["fc2.weight": Tensor(zeros: [8, 16])])
        let result = try FixedPointQuantization()(graph).graph
        #expect(try codes(result, "fc2.weight").allSatisfy { $0 == 0 })
        #expect(try TestModels.largestDifference(graph, result) < 0.02)
    }

    @Test func moreBitsAreNeverWorse() throws {
        let graph = try TestModels.convolutional()
        let errors = try [2, 4, 6, 8, 12, 16].map { bits in
            try TestModels.largestDifference(
                graph, FixedPointQuantization(hyperparameters: ["bits": .int(bits)])(graph).graph)
        }
        #expect(zip(errors, errors.dropFirst()).allSatisfy { $0 > $1 }, "\(errors)")
        #expect((errors.last ?? 1) < 1e-2)
    }

    @Test func powerOfTwoScales() throws {
        let result = try FixedPointQuantization(hyperparameters: ["power-of-two": true])(TestModels.perceptron()).graph
        #expect(result.initializers["fc1.weight.scale"]?.floats().allSatisfy { $0.significand == 1 } == true)
    }

    /// Where data are codes too, unsigned ones have one scale but in one matrix on the right.
    @Test(arguments: [true, false]) func unsignedCodesMeetCodes(_ isLeft: Bool) throws {
        let b = GraphBuilder("codes")
        let x = try b.input("x", .float32, isLeft ? [6, 8] : [2, 4, 6])
        let (step, zero) = (b.constant("step", scalar: Float(0.03)), b.constant("zero", Tensor([UInt8(128)], shape: [])))
        let data = try b.add(DequantizeLinear(), b.add(QuantizeLinear(), x, step, zero), step, zero)
        let weight = b.constant("w", TestModels.normal(isLeft ? [4, 6] : [2, 6, 5], seed: 3))
        let graph = try b.graph(outputs: [isLeft ? b.add(MatMul(), weight, data) : b.add(MatMul(), data, weight)])
        let result = try WeightOnlyQuantization(hyperparameters: ["scheme": "uint8"])(graph)
        #expect(result.findings.contains { $0.subject == "w" && $0.status == .fellBack && $0.reason.contains("one scale") })
        try WrittenModels.keep(result.graph, "passes", "uint8 beside codes \(isLeft)")
    }
}

struct WeightOnlyQuantizationTests {
    @Test(arguments: [(8, 4.0), (4, 8.0)])
    func weightsShrink(_ bits: Int, _ factor: Double) throws {
        let graph = try TestModels.convolutional()
        let result = try WeightOnlyQuantization(hyperparameters: ["bits": .int(bits), "per-channel": true])(graph).graph
        for site in graph.weightSites {
            let (old, new) = (
                graph.initializers[site.tensor]?.byteCount ?? 0,
                result.initializers["\(site.tensor).codes"]?.byteCount ?? 0
            )
            #expect(Double(old) / Double(new) == factor)
        }
        #expect(try TestModels.largestDifference(graph, result) < (bits == 8 ? 0.3 : 4))
    }

    @Test func blocksNeedAMatrix() throws {
        let graph = try TestModels.convolutional()
        let result = try WeightOnlyQuantization(hyperparameters: ["bits": 4, "block-size": 16])(graph)
        #expect(result.graph.initializers["fc1.weight.scale"]?.shape == [10, 2])
        #expect(result.graph.initializers["conv1.weight.scale"]?.shape == [6])
        #expect(result.findings.contains { $0.subject == "conv1.weight" && $0.status == .fellBack })
    }
}

struct OperatorSetTests {
    /// DequantizeLinear knows 4- and 16-bit codes from operator set 21 on.
    @Test(arguments: [
        (["fixed-point-quantization": ["bits": 4]], 21), (["fixed-point-quantization": ["bits": 12]], 21),
        (["float4-quantization": [:]], 21), (["palettization": ["bits": 4]], 21), (["palettization": ["bits": 6]], 17),
        (["weight-only-quantization": ["bits": 4, "per-channel": true]], 21), (["weight-only-quantization": ["bits": 8]], 17),
        (["weight-only-quantization": ["scheme": "mxfp8"]], 17), (["weight-only-quantization": ["scheme": "nvfp4"]], 21),
    ] as [(HyperparameterValue, Int)])
    func filesSayWhatTheyNeed(_ step: HyperparameterValue, _ version: Int) throws {
        let pass = try PassStep(step).pass
        let result = try pass(TestModels.perceptron())
        #expect(result.graph.neededVersions[""] == version)
    }
}

struct CodebookTests {
    @Test func everyE2M1NumberSurvives() throws {
        let numbers: [Float] = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
        let weight = Tensor(numbers + numbers.map { -$0 } + numbers + numbers.map { -$0 }, shape: [4, 8])
        let b = GraphBuilder("e2m1")
        let graph = try b.graph(outputs: [
            b.linear(b.input("x", .float32, ["N", 8]), b.constant("w", weight), name: "fc")
        ])
        let result = try Float4Quantization(hyperparameters: ["block-size": 16])(graph).graph
        #expect(try TestModels.largestDifference(graph, result) < 1e-5)
        #expect(result.initializers["w.codes"]?.elementType == .uint4)
    }

    /// .25→0, .75→1, 1.25→1, 1.75→2, 2.5→2, 3.5→4, 5→4, beyond 6→6.
    @Test func roundingIsToNearestEven() {
        let pairs: [(Float, Float)] = [
            (0.25, 0), (0.75, 1), (1.25, 1), (1.75, 2), (2.5, 2), (3.5, 4), (5, 4), (7, 6), (-2.5, -2),
        ]
        for (value, expected) in pairs {
            #expect(MiniFloat.e2m1.values[Int(MiniFloat.e2m1.code(nearest: value))] == expected)
        }
    }

    @Test(arguments: [1, 2, 4, 6, 8])
    func palettesHoldFewNumbers(_ bits: Int) throws {
        let graph = try MagnitudePruning(hyperparameters: ["sparsity": 0.5])(TestModels.perceptron()).graph
        let result = try Palettization(hyperparameters: ["bits": .int(bits)])(graph)
        let table = try #require(result.graph.initializers["fc1.weight.table"]).floats()
        #expect(table.count <= 1 << bits && table.contains(0))
        let codes = try #require(result.graph.initializers["fc1.weight.codes"]).codes()
        let old = try #require(graph.initializers["fc1.weight"]).floats()
        #expect(zip(old, codes).allSatisfy { $0 != 0 || table[Int($1)] == 0 }, "pruned weights stay zero")
        let finding = try #require(result.findings.first { $0.subject == "fc1.weight" })
        #expect(finding.after == Double((bits <= 4 ? 96 : 192) + 4 * table.count))
    }

    /// Palettes of groups of channels and of vectors: pruned weights stay zero, smaller groups lose less, and files run as they are.
    @Test(arguments: [(3, 1), (0, 2), (2, 4), (0, 5)]) func palettesOfGroupsAndVectors(_ group: Int, _ vector: Int) throws {
        var count = 0
        for graph in try [TestModels.perceptron(), TestModels.convolutional(), TestModels.residual()] {
            let pruned = try MagnitudePruning(hyperparameters: ["sparsity": 0.4])(graph).graph.foldingMasks()
            let pass = try Palettization(hyperparameters: ["bits": 3, "group-size": .int(group), "vector-size": .int(vector)])
            let result = try pass(pruned)
            let index = GraphIndex(result.graph)
            for node in result.graph.nodes where node.op.quantization == .contraction {
                guard let encoded = EncodedWeight(of: node.input(1), in: index), case .words(let words) = encoded.meaning else { continue }
                count += 1
                let own = try #require(pruned.node(named: node.name)?.input(1).flatMap { pruned.initializers[$0] })
                #expect(zip(own.floats(), encoded.decoded.floats()).allSatisfy { $0 != 0 || $1 == 0 })
                #expect(words.width <= vector && (words.firsts != nil) == (group > 0 && group < encoded.shape[words.axis]))
            }
            #expect(try pass(result.graph).graph.text == result.graph.text)
            try WrittenModels.keep(result.graph, "passes", "palettization \(group) \(vector) \(graph.name)")
        }
        #expect(count > 0)
    }

    /// Smaller groups of channels lose less, and so do vectors with the same bits a weight.
    @Test func groupsAndVectorsLoseLess() throws {
        let weight = TestModels.normal([16, 64])
        func error(_ bits: Int, _ group: Int, _ vector: Int) -> Double {
            let form = PaletteForm(bits: bits, groupSize: group, vectorSize: vector, start: .linear, seed: 1)
            let (encoded, reason) = form.encoded(weight, counts: nil, channelAxis: 0)
            #expect(reason == nil && encoded.byteCount < 4 * weight.elementCount)
            return weight.relativeError(of: encoded.decoded)
        }
        #expect(error(3, 4, 1) < error(3, 0, 1) && error(3, 1, 1) < error(3, 4, 1))
        #expect(error(4, 0, 2) < error(2, 0, 1))
        let (encoded, reason) = PaletteForm(bits: 4, groupSize: 0, vectorSize: 7, start: .linear, seed: 1).encoded(weight, counts: nil, channelAxis: 0)
        guard case .words(let words) = encoded.meaning else { Issue.record("no words"); return }
        #expect(words.width == 4 && reason?.contains("7 do not divide the 64") == true)
    }

    /// Codes of a palette are the nearest, whatever rounding was asked for, and that is said.
    @Test(arguments: ["hqq", "sum-preserving", "nearest"]) func palettesHaveNoOtherRounding(_ rounding: String) throws {
        let settings: [String: HyperparameterValue] = ["scheme": "palette-4", "rounding": .string(rounding)]
        let findings = try WeightOnlyQuantization(hyperparameters: settings)(TestModels.convolutional()).findings
        #expect(findings.contains { $0.status == .fellBack && $0.reason.contains("no integers") } == (rounding != "nearest"))
        let own = try WeightOnlyQuantization(hyperparameters: ["scheme": "palette-4"])(TestModels.convolutional()).findings
        #expect(!own.contains { $0.reason.contains("no integers") })
    }

    /// Training moves the numbers of palettes; indices and zeros stay.
    @Test(arguments: [(2, 1), (0, 4), (8, 2)]) func wordsAreTrained(_ group: Int, _ vector: Int) throws {
        let pruned = try MagnitudePruning(hyperparameters: ["sparsity": 0.4])(TestModels.perceptron()).graph
        let graph = try Palettization(hyperparameters: ["bits": 4, "group-size": .int(group), "vector-size": .int(vector)])(pruned).graph
        let trained = try Finetune(hyperparameters: ["epochs": 1, "learning-rate": 0.01, "keep-best": false])(graph, in: TestModels.context(for: graph)).graph
        let (before, after) = (try #require(graph.initializers["fc1.weight.table"]), try #require(trained.initializers["fc1.weight.table"]))
        #expect(before != after && trained.initializers["fc1.weight.codes"] == graph.initializers["fc1.weight.codes"])
        #expect(zip(before.floats(), after.floats()).allSatisfy { ($0 == 0) == ($1 == 0) })
    }

    @Test func aPaletteOfEveryValueIsExact() throws {
        let weight = Tensor((0..<64).map { Float($0 % 8) }, shape: [8, 8])
        let b = GraphBuilder("palette")
        let graph = try b.graph(outputs: [
            b.linear(b.input("x", .float32, ["N", 8]), b.constant("w", weight), name: "fc")
        ])
        let result = try Palettization(hyperparameters: ["bits": 3])(graph).graph
        #expect(try TestModels.largestDifference(graph, result) < 1e-5)
    }
}

struct TrainedQuantizationTests {
    @Test(arguments: ["quantization-aware-training", "learned-step-quantization"])
    func integersAreStoredAtTheEnd(_ name: String) throws {
        let graph = try TestModels.perceptron()
        let context = try TestModels.context(for: graph)
        let finetune = try Finetune(hyperparameters: [
            "epochs": 3, "learning-rate": 0.005, "batch-size": 32, "with": [.table([name: [:]])],
        ])
        let result = try finetune(graph, in: context).graph
        let index = GraphIndex(result)
        for node in result.nodes where node.op is Gemm {
            #expect(index.constant(index.producer(of: node.input(1))?.input(0))?.elementType == .int8)
            #expect(index.constant(index.producer(of: node.input(2))?.input(0))?.elementType == .int32)
        }
        let data = try context.validationData(for: graph)
        #expect(try context.evaluate(result, data) > (try context.evaluate(graph, data)) - 0.1)
    }

    @Test func learnedStepsMove() throws {
        let graph = try TestModels.perceptron()
        let context = try TestModels.context(for: graph)
        func scales(_ rate: Double) throws -> [Float] {
            let pass: HyperparameterValue = ["learned-step-quantization": ["step-rate": .number(rate)]]
            let finetune = try Finetune(hyperparameters: ["epochs": 1, "with": [pass], "keep-best": false])
            return try #require(finetune(graph, in: context).graph.initializers["relu1.scale"]).floats()
        }
        #expect(try scales(0) != scales(1))
    }

    /// What is learned of activations moves, and the file holds the codes that were trained: with biases in float its outputs are the same.
    @Test(arguments: ["steps", "offsets", "clipping"], ["uint8", "int8", "uint4"])
    func whatWasTrainedIsWritten(_ learning: String, _ activations: String) throws {
        for make in TestModels.makers {
            let graph = try FoldBatchNorm()(make()).graph
            let context = try TestModels.context(for: graph)
            let pass = try LearnedStepQuantization(hyperparameters: [
                "activation-learning": .string(learning), "activations": .string(activations), "profile": "coreml", "convention": "onnx", "step-rate": 1,
            ])
            var setup = TrainingSetup(graph)
            try pass.prepare(&setup, in: context)
            let names = setup.options.keys.filter { $0.contains(".offset") || $0.contains(".range.") }
            #expect(names.isEmpty == (learning == "steps"))
            var random = RandomGenerator(seed: 4)
            // As training would leave it.
            let moved = try setup.model.settingInitializers(
                Dictionary(uniqueKeysWithValues: names.map { name in
                    let value = try #require(setup.model.initializers[name]).floats()[0]
                    return (name, Tensor(scalar: value * (0.8 + 0.3 * random.uniform()) + (learning == "offsets" ? 0.05 : 0)))
                }))
            let written = try pass.finalize(moved, in: context).graph
            #expect(!written.nodes.contains { $0.op is MovingRange || $0.op is LearnedOffset })
            let data = try context.calibrationData(for: graph).batch(at: Array(0..<16))
            let plain = SessionOptions(lowers: false)
            let (trained, stored) = try (Session(moved, options: plain).run(data), Session(written, options: plain).run(data))
            for (name, tensor) in trained { #expect(tensor == stored[name], "\(graph.name) \(name)") }
        }
    }

    @Test(arguments: ["offsets", "clipping"]) func offsetsAndEndsMove(_ learning: String) throws {
        let graph = try TestModels.convolutional()
        let context = try TestModels.context(for: graph)
        func zeroPointsAndScales(_ rate: Double) throws -> [QuantizationParameters] {
            let pass: HyperparameterValue = [
                "learned-step-quantization": ["step-rate": .number(rate), "activation-learning": .string(learning), "activations": "uint4", "weights": "int4"]
            ]
            let finetune = try Finetune(hyperparameters: ["epochs": 1, "learning-rate": 0.05, "batch-size": 16, "with": [pass], "keep-best": false])
            return try finetune(graph, in: context).graph.codedTensors.filter { $0.shape == nil }.map(\.parameters)
        }
        let (still, moved) = (try zeroPointsAndScales(0), try zeroPointsAndScales(1))
        #expect(still.count == moved.count && still.map(\.scales) != moved.map(\.scales))
        #expect(still.allSatisfy { $0.elementType == .uint4 })
    }

    @Test func fourBitsTrainBetterThanTheyRound() throws {
        let graph = try TestModels.perceptron()
        let context = try TestModels.context(for: graph)
        let data = try context.validationData(for: graph)
        let rounded = try FixedPointQuantization(hyperparameters: ["bits": 4])(graph).graph
        let pass: HyperparameterValue = ["quantization-aware-training": ["weights": "int4"]]
        let trained = try Finetune(hyperparameters: [
            "epochs": 20, "learning-rate": 0.01, "batch-size": 16, "with": [pass],
        ])(graph, in: context).graph
        #expect(try context.evaluate(trained, data) >= context.evaluate(rounded, data))
    }

    /// Weights and activations of few bits are stored in types of as many, biases and what no layer reads stay float.
    @Test(arguments: [("int4", "uint4"), ("int2", "uint2"), ("int2", "int2")])
    func fewBitsAreStoredInAsMany(_ weights: String, _ activations: String) throws {
        let graph = try TestModels.convolutional()
        let context = try TestModels.context(for: graph)
        for name in ["learned-step-quantization", "quantization-aware-training"] {
            let pass: HyperparameterValue = [name: ["weights": .string(weights), "activations": .string(activations), "first-and-last": "int8"]]
            let result = try Finetune(hyperparameters: ["epochs": 1, "with": [pass]])(graph, in: context).graph
            func type(_ value: String) -> String? { result.infos[value].map { "\($0.elementType)" } }
            #expect(type("conv1.weight.codes") == "int8" && type("fc2.weight.codes") == "int8")
            let index = GraphIndex(result)
            for name in ["conv2", "fc1"] {
                let encoded = try #require(EncodedWeight(of: result.node(named: name)?.input(1), in: index))
                let range = try #require(ElementType(named: weights)?.integerRange)
                #expect(encoded.codes.elementType == .int4 && encoded.codes.integers().allSatisfy { range.contains($0) })
            }
            #expect(result.nodes.filter { $0.op is QuantizeLinear }.allSatisfy { (result.infos[$0.outputs[0]]?.elementType.bitWidth) == 8 })
            // What few codes hold: no more different numbers reach the layer.
            let codes = try #require(ElementType(named: activations)?.integerRange)
            let node = try #require(result.node(named: "conv2"))
            var edit = GraphEdit()
            edit.outputs = [node.inputs[0]]
            let numbers = try Session(result.applying(edit)).run(context.calibrationData(for: graph).batch(at: Array(0..<16)))
            #expect(Set(try #require(numbers[node.inputs[0]]).floats()).count <= codes.count)
            // ONNX Runtime would round a float one to steps of the products.
            let bias = try #require(index.producer(of: node.input(2)))
            #expect(bias.op is DequantizeLinear && result.infos[bias.inputs[0]]?.elementType == .int32)
            #expect(result.metadata.opsets[""] == 21)
        }
    }

    @Test func zerosOfPalettesStayInTraining() throws {
        let graph = try TestModels.perceptron()
        let context = try TestModels.context(for: graph)
        let sparse = try MagnitudePruning(hyperparameters: ["sparsity": 0.5])(graph, in: context).graph
        let coded = try Palettization(hyperparameters: ["bits": 3])(sparse, in: context).graph
        let trained = try Finetune(hyperparameters: ["epochs": 2, "learning-rate": 0.01, "keep-best": false])(coded, in: context).graph
        let table = try #require(trained.initializers["fc1.weight.table"]).floats()
        #expect(table.contains(0) && table != coded.initializers["fc1.weight.table"]?.floats())
        let index = GraphIndex(trained)
        for node in trained.nodes where node.op is Gemm {
            let encoded = try #require(EncodedWeight(of: node.input(1), in: index))
            #expect(encoded.decoded.zeroCount >= encoded.decoded.elementCount / 2)
        }
    }
    @Test func palettesMayWeighByFisherInformation() throws {
        let graph = try TestModels.perceptron()
        let context = try TestModels.context(for: graph)
        let plain = try Palettization(hyperparameters: ["bits": 2])(graph, in: context).graph
        for settings: [String: HyperparameterValue] in [["weighting": "fisher"], ["start": "density"], ["start": "plus-plus"]] {
            let other = try Palettization(hyperparameters: settings.merging(["bits": 2]) { $1 })(graph, in: context).graph
            #expect(other.initializers["fc1.weight.table"] != plain.initializers["fc1.weight.table"])
            #expect(try TestModels.largestDifference(graph, other) < 5)
        }
    }
}
