import Testing
import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor
@testable import WinnowPasses

/// Weights as strangers' files store and use them, through the passes that turn them into codes.
struct StrangeWeightTests {
    private static let weightOnly: [(any Pass, Double)] = [
        (WeightOnlyQuantization(), 0.02), (FixedPointQuantization(), 0.05), (Palettization(), 0.3), (Float4Quantization(), 0.3),
    ]
    private static var rows: Tensor { TestModels.normal([32, 12], seed: 31) }

    @Test func aMatrixUsedAlongBothAxesHasScalesForEach() throws {
        let graph = try StrangeWeights.tied()
        let inputs = ["x": TestModels.normal([32, 6], seed: 30)]
        let result = try StaticQuantization()(graph, in: StrangeWeights.context(inputs)).graph
        #expect(try StrangeWeights.distance(graph, result, on: inputs) < 0.03)
        #expect(!result.initializers.values.contains { $0.elementType == .float32 && $0.rank == 2 })
    }

    /// Steps of numbers as small as these would be none; what makes them large again would be left with noise.
    @Test(arguments: [1e-30, 1e-34, 1e-36] as [Float]) func vanishingWeightsStay(_ scale: Float) throws {
        let b = GraphBuilder("vanishing")
        func scaled(_ shape: Shape, by factor: Float) -> Tensor { Tensor(TestModels.normal(shape, seed: 5).floats().map { $0 * factor }, shape: shape) }
        let small = try b.linear(b.input("x", .float32, ["N", 12]), b.constant("w1", scaled([8, 12], by: scale)), b.constant("b1", scaled([8], by: scale)))
        let graph = try b.graph(outputs: [b.linear(b.add(Mul(), small, b.constant("large", scalar: 1 / scale)), b.constant("w2", TestModels.normal([4, 8])))])
        let inputs = ["x": Self.rows]
        for pass in [StaticQuantization(), DynamicQuantization(), WeightOnlyQuantization()] as [any Pass] {
            let result = try pass(graph, in: StrangeWeights.context(inputs))
            // Static quantization multiplies what makes them large into them first.
            let stays = result.findings.contains { $0.subject == "w1" && $0.status != .done && $0.reason.contains("below") }
            #expect(stays != (pass is StaticQuantization), "\(type(of: pass))")
            #expect(try StrangeWeights.distance(graph, result.graph, on: inputs) < 0.03, "\(type(of: pass))")
        }
    }

    @Test func aTiedEmbeddingIsStoredOnce() throws {
        let graph = try StrangeWeights.tiedEmbedding()
        let inputs = ["ids": Tensor((0..<24).map { Int64($0 % 20) }, shape: [8, 3])]
        let once = try WeightOnlyQuantization()(graph).graph
        #expect(try StrangeWeights.distance(graph, once, on: inputs) < 0.02)
        #expect(once.initializers.values.filter { $0.elementCount == 160 }.map(\.elementType) == [.int8])
        let kept = try DynamicQuantization()(graph)
        #expect(kept.graph.initializers["E"] == graph.initializers["E"])
        #expect(kept.findings.contains { $0.subject == "E" && $0.status == .skipped && $0.reason.contains("lookup") })
        let integers = try StaticQuantization()(graph, in: StrangeWeights.context(inputs)).graph
        #expect(try StrangeWeights.distance(graph, integers, on: inputs) < 0.03)
        #expect(integers.initializers.values.reduce(0) { $0 + $1.byteCount } < 160 * 4 + 64 * 4)
    }

    /// Numbers are not fitted anew for a layer where something else reads them.
    @Test func aTiedEmbeddingIsNotRefitted() throws {
        let graph = try StrangeWeights.tiedEmbedding()
        let context = try StrangeWeights.context(["ids": Tensor((0..<48).map { Int64($0 * 7 % 20) }, shape: [16, 3])])
        for settings in [["repair": "ridge"], ["importance": "sparsegpt"]] as [[String: HyperparameterValue]] {
            let result = try MagnitudePruning(hyperparameters: settings.merging(["sparsity": 0.5]) { $1 })(graph, in: context).graph.foldingMasks()
            let (before, after) = (try #require(graph.initializers["E"]).floats(), try #require(result.initializers["E"]).floats())
            #expect(zip(before, after).allSatisfy { $1 == 0 || $0 == $1 } && after.contains(0), "\(settings)")
        }
    }

    /// Scales that follow a weight while it is trained follow it as the layer reads it: here along the table's rows.
    @Test(arguments: [QuantizationAwareTraining(), LearnedStepQuantization()] as [any Pass])
    func aTiedEmbeddingIsTrained(_ pass: any Pass) throws {
        let graph = try StrangeWeights.tiedEmbedding()
        let inputs = ["ids": Tensor((0..<48).map { Int64($0 * 7 % 20) }, shape: [16, 3])]
        let data = try Dataset([.init(name: "ids", inputs["ids"] ?? Tensor(zeros: [1, 3]))])
        let result = try pass(graph, in: PassContext(calibration: data, training: data)).graph
        #expect(try StrangeWeights.distance(graph, result, on: inputs) < 0.1)
        #expect(!result.initializers.values.contains { $0.elementType == .float32 && $0.elementCount == 160 })
    }

    /// Tables that are looked up and tensors that bodies read are kept for that reason, but where passes see through branches.
    @Test func readersTellWhyTensorsStay() throws {
        let b = GraphBuilder("table")
        let ids = try b.input("ids", .int64, ["N", 3])
        let rows = try b.add(Gather(), b.constant("table", TestModels.normal([20, 8])), ids)
        let graph = try b.graph(outputs: [b.add(MatMul(), rows, b.constant("w", TestModels.normal([8, 8])))])
        let kept = try WeightOnlyQuantization()(graph).findings
        #expect(kept.contains { $0.subject == "table" && $0.status == .kept && $0.reason.contains("looked up") })
        let bodies = try StructuredPruning()(StrangeWeights.bodies()).findings
        #expect(bodies.contains { $0.subject == "shared" && $0.status == .done })
        let factors = try SVDFactorization()(StrangeWeights.bodies()).findings
        #expect(factors.contains { $0.subject == "shared" && $0.reason == "a body of if reads it" })
    }

    @Test(arguments: [true, false])
    func halfWeightsBecomeCodes(_ behindCast: Bool) throws {
        let graph = try StrangeWeights.half(behindCast: behindCast)
        let inputs = ["x": behindCast ? Self.rows : Self.rows.converted(to: .float16)]
        let result = try WeightOnlyQuantization()(graph)
        #expect(try StrangeWeights.distance(graph, result.graph, on: inputs) < 0.02)
        #expect(result.graph.initializers.values.filter { $0.rank == 2 }.allSatisfy { $0.elementType == .int8 })
        #expect(result.findings.first { $0.subject == "w1" }?.before == 16)
        let integers = try StaticQuantization()(graph, in: StrangeWeights.context(inputs))
        #expect(try StrangeWeights.distance(graph, integers.graph, on: inputs) < 0.03)
        let left = integers.graph.initializers.values.filter { $0.rank == 2 && $0.elementType.isFloatingPoint }
        #expect(left.isEmpty == behindCast)
        if !behindCast { #expect(integers.findings.contains { $0.subject == "w1" && $0.reason.contains("float16") }) }
    }

    @Test(arguments: 0..<4)
    func weightsInBodiesBecomeCodesToo(_ index: Int) throws {
        let (pass, bound) = Self.weightOnly[index]
        let graph = try StrangeWeights.bodies()
        let result = try pass(graph)
        let own = result.graph.nodes.flatMap { $0.op.bodies.values.flatMap { $0.initializers.values } }
        #expect(!own.contains { $0.elementType == .float32 && $0.elementCount >= 64 } || pass is Palettization)
        #expect(result.findings.contains { $0.subject == "if/own" } && result.findings.contains { $0.subject == "shared" })
        for condition in [true, false] {
            let inputs = ["condition": Tensor(scalar: condition), "x": Self.rows]
            #expect(try StrangeWeights.distance(graph, result.graph, on: inputs) < bound)
        }
    }

    @Test func whatABodyHoldsIsReported() throws {
        let passes: [any Pass] = [MagnitudePruning(), StructuredPruning(), SVDFactorization(), DynamicQuantization(), FoldConstants()]
        for pass in passes {
            let findings = try pass(StrangeWeights.bodies()).findings
            #expect(findings.contains { $0.subject == "if/own" }, "\(type(of: pass))")
        }
    }

    @Test(arguments: CatalogueEntry.all.filter { $0.type.init().needs != .training })
    func namesThatAreTakenDoNotCollide(_ entry: CatalogueEntry) throws {
        let graph = try StrangeWeights.takenNames()
        let pass = try entry.make()
        let result = try pass(graph, in: StrangeWeights.context(["x": Self.rows])).graph
        #expect(result.nodes.count >= 3)
        #expect(try StrangeWeights.distance(graph, result, on: ["x": Self.rows]) < 1)
    }

    @Test(arguments: [Float.nan, .infinity])
    func weightsThatAreNotFiniteAreNamed(_ value: Float) throws {
        var weight = try #require(TestModels.perceptron().initializers["fc2.weight"])
        weight.withMutableElements(Float.self) { $0[5] = value }
        let graph = try TestModels.perceptron().settingInitializers(["fc2.weight": weight])
        let others: [any Pass] = [DynamicQuantization(), SVDFactorization(), Float16Conversion(), MagnitudePruning()]
        for pass in Self.weightOnly.map(\.0) + others where pass.needs == .nothing {
            let finding = try pass(graph).findings.first { $0.subject == "fc2.weight" && $0.status != .done }
            #expect(finding?.status == .skipped && finding?.reason.contains(value.isNaN ? "NaN" : "infinite") == true, "\(type(of: pass))")
        }
    }

    /// Biases and vectors of normalizations too, by every pass that works without data.
    @Test(arguments: CatalogueEntry.all.filter { $0.type.init().needs == .nothing })
    func vectorsThatAreNotFiniteAreNamed(_ entry: CatalogueEntry) throws {
        let pass = try entry.make()
        let graph = try TestModels.residual()
        let normalization = try #require(graph.nodes.first { $0.op is BatchNormalization }?.input(1))
        let bias = try #require(graph.weightSites.lazy.compactMap { $0.node.input(2) }.first { graph.initializers[$0] != nil })
        var tensors = graph.initializers.filter { [normalization, bias].contains($0.key) }
        tensors[normalization]?.withMutableElements(Float.self) { $0[1] = .nan }
        tensors[bias]?.withMutableElements(Float.self) { $0[0] = .infinity }
        let findings = try pass(graph.settingInitializers(tensors)).findings
        for name in [normalization, bias] { #expect(findings.contains { $0.subject == name && $0.reason.contains("not finite") }, "\(name)") }
    }

    /// Infinities in a mask that is added are meant.
    @Test func masksOfInfinitiesAreNotNamed() throws {
        let b = GraphBuilder("masked")
        let mask = b.constant("mask", Tensor([0, -.infinity, 0, 0] as [Float]))
        let y = try b.add(MatMul(), b.input("x", .float32, ["N", 12]), b.constant("w", TestModels.normal([12, 4])), name: "layer")
        let graph = try b.graph(outputs: [b.add(Softmax(), b.add(Add(), y, mask))])
        for pass in [MagnitudePruning(), Float16Conversion(), StructuredPruning()] as [any Pass] {
            #expect(try !pass(graph).findings.contains { $0.reason.contains("finite") }, "\(type(of: pass))")
        }
    }

    /// Channels are not ranked by NaN: those that such a weight makes stay, and so does what is fed by it.
    @Test(arguments: ["l2", "l1", "fpgm", "lamp"], [Float.nan, .infinity])
    func channelsAreNotRankedByNaN(_ importance: String, _ value: Float) throws {
        var weight = try #require(TestModels.perceptron().initializers["fc2.weight"])
        weight.withMutableElements(Float.self) { $0[5] = value }
        let graph = try TestModels.perceptron().settingInitializers(["fc2.weight": weight])
        let result = try StructuredPruning(hyperparameters: ["importance": .string(importance)])(graph)
        #expect(result.graph.initializers["fc2.weight"]?.shape == [8, 8] && result.graph.initializers["fc1.weight"]?.shape == [8, 12])
        #expect(result.findings.contains { $0.subject == "fc2.weight" && $0.reason.contains("its own stay: it is not finite") })
    }
}

/// What static quantization makes of extremes.
struct ExtremeRangeTests {
    private static var images: Tensor { Tensor(TestModels.normal([16, 3, 6, 6], seed: 40).floats().map { $0 * 20 }, shape: [16, 3, 6, 6]) }

    /// Filters of zeros, tiny ones, denormal ones, and a bias at the end of int32: the bias stays what it is.
    @Test(arguments: [0, 1, 2, 3])
    func biasesOfSmallFiltersSurvive(_ kind: Int) throws {
        let graph = try StrangeWeights.convolutions { filter, bias in
            for index in filter.indices where index / 27 % 2 == 0 || kind == 3 {
                filter[index] *= [0, 1e-9, .leastNonzeroMagnitude, 1e-7][kind]
            }
            if kind == 3 { bias = bias.map { $0 * 1e4 } }
        }
        let result = try StaticQuantization()(graph, in: StrangeWeights.context(["x": Self.images]))
        #expect(try StrangeWeights.distance(graph, result.graph, on: ["x": Self.images]) < 0.03)
        #expect(result.graph.initializers.values.contains { $0.elementType == .int32 && $0.elementCount == 8 })
        let codes = result.graph.initializers.values.first { $0.elementType == .int32 }?.integers() ?? []
        #expect(codes.allSatisfy { $0.magnitude <= 1 << 30 })
    }

    @Test(arguments: ["min-max", "percentile"])
    func hugeActivationsAreNoTrap(_ range: String) throws {
        var rows = TestModels.normal([16, 12], seed: 41)
        rows.withMutableElements(Float.self) { ($0[0], $0[13]) = (3e38, -3e38) }
        let weight = try #require(TestModels.perceptron().initializers["fc1.weight"])
        let small = Tensor(weight.floats().map { $0 * 1e-30 }, shape: weight.shape)
        let graph = try TestModels.perceptron().settingInitializers(["fc1.weight": small])
        let result = try StaticQuantization(hyperparameters: ["range": .string(range)])(graph, in: StrangeWeights.context(["x": rows]))
        #expect(result.graph.initializers.values.allSatisfy { $0.finiteness == nil })
    }

    /// An output that only passes an input through is not rounded.
    @Test func aPassThroughStaysExact() throws {
        let b = GraphBuilder("pass-through")
        let x = try b.input("x", .float32, ["N", 12])
        let y = try b.add(Gemm(), x, b.constant("w", TestModels.normal([12, 4])), name: "fc")
        let graph = try b.graph(outputs: [y, b.add(Identity(), x, name: "same")])
        let rows = TestModels.normal([16, 12], seed: 42)
        let result = try StaticQuantization()(graph, in: StrangeWeights.context(["x": rows])).graph
        #expect(try Session(result).run(["x": rows])["same"] == rows)
        #expect(result.nodes.contains { $0.op is QuantizeLinear })
    }

    /// A Clip from below zero has its own bounds as range.
    @Test func rangesBehindClipAreItsBounds() throws {
        let b = GraphBuilder("clip")
        let x = try b.input("x", .float32, ["N", 12])
        let h = try b.add(Gemm(), x, b.constant("w", TestModels.normal([12, 8])), name: "fc1")
        let c = try b.add(Clip(bounds: Clip.Bounds(low: -0.5, high: 0.5)), h, name: "clip")
        let graph = try b.graph(outputs: [b.add(Gemm(), c, b.constant("w2", TestModels.normal([8, 4])), name: "fc2")])
        let rows = TestModels.normal([32, 12], seed: 43)
        let result = try StaticQuantization()(graph, in: StrangeWeights.context(["x": rows]))
        let scale = try #require(result.graph.initializers["clip.scale"]).floats()[0]
        #expect(abs(scale - 1 / 255) < 1e-6)
        #expect(result.graph.initializers["fc1.scale"] == nil)
    }

    @Test func alphaAndBetaAreFolded() throws {
        let b = GraphBuilder("factors")
        let x = try b.input("x", .float32, ["N", 12])
        let bias = b.constant("b", TestModels.normal([1, 8]))
        let h = try b.add(Gemm(alpha: 0.5, beta: 3), x, b.constant("w", TestModels.normal([12, 8])), bias, name: "fc1")
        let graph = try b.graph(outputs: [b.add(Relu(), h, name: "relu")])
        let rows = TestModels.normal([32, 12], seed: 44)
        let result = try StaticQuantization()(graph, in: StrangeWeights.context(["x": rows]))
        #expect(try StrangeWeights.distance(graph, result.graph, on: ["x": rows]) < 0.02)
        #expect(result.findings.contains { $0.subject == "b" && $0.reason == "int32" })
    }

    /// No more different numbers than levels: nothing is lost.
    @Test(arguments: [2, 3, 4])
    func fewDifferentNumbersAreAnExactPalette(_ bits: Int) throws {
        let levels = (0..<(1 << bits)).map { $0 == 0 ? Float(-1000) : Float($0 * $0) * 0.37 - 1 }
        let values = (0..<1200).map { levels[($0 * 7 + $0 / 13) % levels.count] }
        let b = GraphBuilder("levels")
        let x = try b.input("x", .float32, ["N", 40])
        let graph = try b.graph(outputs: [b.linear(x, b.constant("w", Tensor(values, shape: [30, 40])), name: "fc")])
        let result = try Palettization(hyperparameters: ["bits": .int(bits)])(graph)
        #expect(result.findings.first { $0.subject == "w" }?.reason.hasSuffix("relative error 0.0") == true)
        let rows = TestModels.normal([4, 40])
        #expect(try StrangeWeights.distance(graph, result.graph, on: ["x": rows]) < 1e-6)
    }

    /// Codes with their palette would take more than the floats.
    @Test func smallTensorsStayWhereCodesWouldBeLarger() throws {
        let graph = try TestModels.perceptron()
        let result = try Palettization(hyperparameters: ["bits": 8])(graph)
        #expect(result.graph.initializers["fc3.weight"] == graph.initializers["fc3.weight"])
        #expect(result.findings.contains { $0.subject == "fc3.weight" && $0.status == .kept })
    }
}
