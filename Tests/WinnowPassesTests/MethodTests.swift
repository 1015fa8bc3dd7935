import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

/// Methods that are one file of a catalogue each.
struct MethodTests {
    /// Images whose inputs differ in size, as activations do, so that what looks at data has something to see.
    private func scene(seed: UInt64 = 8) throws -> (graph: Graph, context: PassContext) {
        let graph = try TestModels.perceptron()
        var random = RandomGenerator(seed: seed)
        var values = (0..<(400 * 12)).map { index in random.normal() * (index % 12 < 3 ? 8 : 0.3) }
        // Neighbours go together.
        for index in values.indices where index % 12 > 0 { values[index] += 0.5 * values[index - 1] }
        return (graph, PassContext(calibration: try Dataset([.init(name: "x", Tensor(values, shape: [400, 12]))])))
    }

    private func error(_ graph: Graph, from original: Graph, on data: Dataset) throws -> Double {
        let inputs = [data.features[0].name: try data.features[0].tensor]
        let (a, b) = (try Session(original).run(inputs), try Session(graph).run(inputs))
        let output = original.outputNames[0]
        return try #require(a[output]).relativeError(of: #require(b[output]))
    }

    private func data(_ context: PassContext) throws -> Dataset { try #require(context.calibration) }

    /// Wanda keeps what meets large inputs; each output loses the same part.
    @Test func wandaLooksAtInputs() throws {
        let (graph, context) = try scene()
        func pruned(_ importance: String) throws -> Graph {
            try MagnitudePruning(hyperparameters: ["importance": .string(importance), "sparsity": 0.5])(graph, in: context).graph
        }
        let (wanda, magnitude) = (try pruned("wanda"), try pruned("magnitude"))
        try WrittenModels.keep(wanda, "passes", "magnitude-pruning wanda")
        #expect(try error(wanda, from: graph, on: data(context)) < error(magnitude, from: graph, on: data(context)))
        let weight = try #require(wanda.initializers["fc1.weight"])
        for row in 0..<16 { #expect((0..<12).count { weight.floats()[row * 12 + $0] == 0 } == 6) }
    }

    @Test func layerAdaptiveScopesOfOlderRecipesAreAnImportance() throws {
        let old = try MagnitudePruning(hyperparameters: ["scope": "layer-adaptive", "sparsity": 0.6])
        let new = try MagnitudePruning(hyperparameters: ["scope": "global", "importance": "lamp", "sparsity": 0.6])
        #expect(old.hyperparameters == new.hyperparameters)
        #expect(throws: WinnowError.self) { try MagnitudePruning(hyperparameters: ["scope": "nowhere"]) }
    }

    /// Of three channels that are nearly the same, one stays; a norm alone would take the small one.
    @Test func geometricMediansAreReplaceable() {
        var sums = [Double](repeating: 0, count: 4)
        GeometricMedianImportance().add([[5, 5], [5.1, 5], [5, 5.1], [-0.5, 0]], to: &sums)
        #expect(sums.firstIndex(of: sums.max() ?? 0) == 3)
        #expect(abs(sums[0] - (0.1 + 0.1 + (5.5 * 5.5 + 25.0).squareRoot())) < 1e-9)
    }

    /// Rounding that looks at data moves the outputs less than nearest rounding.
    @Test(arguments: [["bits": 4], ["bits": 4, "block-size": 4]] as [[String: HyperparameterValue]], ["gptq", "adaround"])
    func roundingKeepsOutputs(settings: [String: HyperparameterValue], name: String) throws {
        let (whole, context) = try scene()
        // One layer: its outputs are what rounding looks at.
        let b = GraphBuilder("layer")
        let weight = try #require(whole.initializers["fc1.weight"])
        let y = try b.linear(b.input("x", .float32, ["N", 12]), b.constant("fc1.weight", weight), nil, name: "fc1")
        let graph = try b.graph(outputs: [y])
        func stored(_ rounding: String) throws -> Graph {
            try WeightOnlyQuantization(hyperparameters: settings.merging(["rounding": .string(rounding), "only": ["fc1*"]]) { $1 })(graph, in: context).graph
        }
        let (nearest, learned) = (try stored("nearest"), try stored(name))
        try WrittenModels.keep(learned, "passes", "weight-only-quantization \(name) \(settings.keys.sorted())")
        let errors = (try error(nearest, from: graph, on: data(context)), try error(learned, from: graph, on: data(context)))
        #expect(errors.1 < errors.0, "\(errors)")
        // GPTQ finds those of a block when it begins.
        let isFound = name == "gptq" && settings["block-size"] != nil
        #expect((nearest.initializers["fc1.weight.scale"] == learned.initializers["fc1.weight.scale"]) != isFound)
    }

    /// Through the pass, as a file has it.
    @Test(arguments: ["tucker-2", "channel", "spatial", "cp"]) func splitsAreWritten(name: String) throws {
        for graph in [try TestModels.convolutional(), try TestModels.residual()] {
            let pass = try SVDFactorization(hyperparameters: ["convolutions": .string(name), "rank-fraction": 0.3])
            let result = try pass(graph)
            #expect(result.findings.contains { $0.quantity == .rank })
            try WrittenModels.keep(result.graph, "passes", "svd-factorization \(name) \(graph.name)")
        }
    }

    /// By itself there is nothing to compare with, which is said, also where it is handed its own model.
    @Test(arguments: [false, true], ["data", "analytic"]) func biasCorrectionNeedsTheOriginal(isHanded: Bool, method: String) throws {
        let graph = try TestModels.convolutional()
        var context = try TestModels.context(for: graph)
        if isHanded {
            context.teacher = graph
            context.teacher?.metadata.producerName = "another"
        }
        let result = try BiasCorrection(hyperparameters: ["method": .string(method)])(graph, in: context)
        #expect(result.graph.initializers == graph.initializers)
        #expect(!result.findings.isEmpty && result.findings.allSatisfy { $0.reason.contains("before compression") })
    }

    /// Names set from Swift are checked like those of recipes.
    @Test func unknownMembersAreRefused() throws {
        let graph = try TestModels.perceptron()
        var pass = StaticQuantization()
        pass.calibration.range = "no-such-range"
        #expect(throws: WinnowError.self) { try pass(graph, in: TestModels.context(for: graph)) }
    }

    /// The means of the outputs come back.
    @Test func biasesGiveMeansBack() throws {
        let graph = try TestModels.convolutional()
        var context = try TestModels.context(for: graph)
        let coarse = try StaticQuantization(hyperparameters: ["weight-bits": 3, "correct-biases": false])(graph, in: context).graph
        context.teacher = graph
        let corrected = try BiasCorrection()(coarse, in: context).graph
        try WrittenModels.keep(corrected, "passes", "bias-correction after static-quantization")
        func meanShift(_ model: Graph) throws -> Double {
            var statistics = [Statistics(), Statistics()]
            let output = graph.outputNames[0]
            for index in statistics.indices {
                statistics[index].request(ChannelMoments(axis: 1), of: output)
                try statistics[index].gather(in: index == 0 ? graph : model, context: context)
            }
            let means = statistics.map { $0[output, ChannelMoments.self]?.means ?? [] }
            return zip(means[0], means[1]).reduce(0) { $0 + abs($1.0 - $1.1) }
        }
        let shifts = (try meanShift(coarse), try meanShift(corrected))
        #expect(shifts.1 < shifts.0 / 4, "\(shifts)")
    }

    /// Without data, a normalization before a layer tells what rounding its weight took from the means.
    @Test(arguments: ["relu", "clip", "plain"]) func normalizationsTellMeans(activation: String) throws {
        let b = GraphBuilder("normalized")
        let vectors = [("scale", TestModels.normal([12], seed: 1)), ("shift", TestModels.normal([12], seed: 2)), ("mean", Tensor(zeros: [12])), ("variance", Tensor([Float](repeating: 1, count: 12)))]
        var x = try b.add(BatchNormalization(epsilon: 0), inputs: [b.input("x", .float32, ["N", 12])] + vectors.map { b.constant($0.0, $0.1) }, name: "norm")[0]
        if activation != "plain" { x = try activation == "relu" ? b.add(Relu(), x, name: "relu") : b.clip(x, low: 0, high: 0.3, name: "clip") }
        let y = try b.linear(x, b.constant("w", TestModels.normal([6, 12], seed: 3)), b.constant("b", TestModels.normal([6], seed: 4)), name: "fc")
        let graph = try b.graph(outputs: [y])
        let coarse = try FixedPointQuantization(hyperparameters: ["bits": 3])(graph).graph
        var context = PassContext()
        context.teacher = graph
        let corrected = try BiasCorrection(hyperparameters: ["method": "analytic"])(coarse, in: context).graph
        var random = RandomGenerator(seed: 6)
        let rows = Tensor((0..<(20_000 * 12)).map { _ in random.normal() }, shape: [20_000, 12])
        func means(_ model: Graph) throws -> [Double] {
            let values = try #require(Session(model).run(["x": rows])[y]).floats()
            return (0..<6).map { column in stride(from: column, to: values.count, by: 6).reduce(0.0) { $0 + Double(values[$1]) } / 20_000 }
        }
        let (wanted, before, after) = (try means(graph), try means(coarse), try means(corrected))
        func shift(_ means: [Double]) -> Double { zip(means, wanted).reduce(0) { $0 + abs($1.0 - $1.1) } }
        #expect(shift(after) < 0.1 * shift(before), "\(shift(before)) \(shift(after))")
    }

    /// A range that keeps nearly everything is narrower than one that keeps an outlier.
    @Test func entropyCutsOutliers() throws {
        var observed = ObservedRange(.growing)
        var random = RandomGenerator(seed: 1)
        var values = (0..<100_000).map { _ in random.normal() }
        values[5] = 300
        values.withUnsafeBufferPointer { observed.add($0, shape: [values.count]) }
        let range = try #require(EntropyRange(percentile: 0).range(of: observed, for: .uint8))
        #expect(range.upperBound < 100 && range.upperBound > 2 && range.lowerBound <= 0 && range.lowerBound >= -6, "\(range)")
        var plain = ObservedRange(.growing)
        [Float](arrayLiteral: 0, 1, 2, 3).withUnsafeBufferPointer { plain.add($0, shape: [4]) }
        #expect(try #require(EntropyRange(percentile: 0).range(of: plain, for: .uint8)) == 0...3, "\(String(describing: EntropyRange(percentile: 0).range(of: plain, for: .uint8)))")
    }

    /// Hints pull a value inside towards the teacher's, through a projection where channels differ; the result is the model alone.
    @Test(arguments: [16, 24]) func hintsReachTheTeacher(width: Int) throws {
        func network(_ width: Int, seed: UInt64) throws -> Graph {
            var random = RandomGenerator(seed: seed)
            func normal(_ shape: Shape) -> Tensor { Tensor((0..<shape.elementCount).map { _ in 0.4 * random.normal() }, shape: shape) }
            let b = GraphBuilder("network")
            let x = try b.input("x", .float32, ["N", 12])
            let hidden = try b.add(Relu(), b.linear(x, b.constant("a", normal([width, 12])), b.constant("b", normal([width])), name: "first"), name: "hidden")
            return try b.graph(outputs: [b.linear(hidden, b.constant("c", normal([4, width])), b.constant("d", normal([4])), name: "last")])
        }
        let (student, teacher) = (try network(16, seed: 1), try network(width, seed: 2))
        var context = try TestModels.context(for: student)
        context.teacher = teacher
        var finetune = try Finetune(hyperparameters: ["epochs": 12, "learning-rate": 0.01, "batch-size": 32, "keep-best": false])
        finetune.with = [PassStep(try FeatureHint(hyperparameters: ["values": ["hidden"], "weight": 10]))]
        let result = try finetune(student, in: context)
        #expect(result.graph.initializers.keys.sorted() == student.initializers.keys.sorted())
        let losses = result.findings.filter { $0.quantity == .trainingLoss }.compactMap(\.after)
        #expect(losses.count == 12 && losses[11] < 0.7 * losses[0], "\(losses)")
        #expect(throws: WinnowError.self) {
            finetune.with = [PassStep(try FeatureHint(hyperparameters: ["values": ["nothing"]]))]
            return try finetune(student, in: context)
        }
    }
}
