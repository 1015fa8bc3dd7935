import Testing
import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

/// What holds for roundings that look at data.
struct RoundingTests {
    private static func target(_ site: WeightSite, in graph: Graph) throws -> WeightTarget {
        WeightTarget(tensor: site.tensor, stored: try #require(graph.initializers[site.tensor]), sites: [site])
    }

    private static func rounded(
        _ name: String, _ targets: [WeightTarget], _ scheme: QuantizationScheme, in graph: Graph, _ context: PassContext,
        _ change: (inout RoundingChoice) -> Void = { _ in }
    ) throws -> [RoundedWeight] {
        var choice = RoundingChoice()
        choice.rounding = Chosen(name: name)
        change(&choice)
        var results: [ValueName: RoundedWeight] = [:]
        try choice.round(targets, in: graph, context) { target, weight in
            scheme.parameters(for: weight, channelAxis: target.channelAxis, inputAxis: target.inputAxis)
        } done: { task, rounded in
            results[task.target.tensor] =
                rounded ?? RoundedWeight(values: task.parameters.roundTrip(task.target.values), parameters: task.parameters)
        }
        return try targets.map { try #require(results[$0.tensor]) }
    }

    /// Layers with correlated inputs: convolutions over one to three axes, of each channel, in groups, transposed, and products.
    private static let models: [@Sendable () throws -> Graph] = [
        Zoo.conv1d, Zoo.conv3d, Zoo.scaling, Zoo.dense, Zoo.tokens, RoundingModels.grouped, RoundingModels.left,
        { try TestModels.residual() },
    ]

    /// No output is moved further than by the nearest codes, some are moved less, and codes stand for what comes out.
    @Test(arguments: ["gptq", "adaround", "sequential-mse"], [3, 4])
    func outputsMoveLess(_ name: String, bits: Int) throws {
        var (better, count) = (0, 0)
        for make in Self.models {
            let graph = try make()
            let context = try Zoo.context(for: graph)
            let targets = try WeightTargets(graph, Selection(in: graph)) { _ in nil }.targets
            let layers = try LayerReconstruction.gather(for: targets, in: graph, context, sampleCount: 256, takesParts: true)
            for scheme in [QuantizationScheme(bits: bits, .channel), QuantizationScheme(bits: bits, .tensor)] {
                let results = try zip(Self.rounded(name, targets, scheme, in: graph, context), Self.rounded("nearest", targets, scheme, in: graph, context))
                for (target, (own, nearest)) in zip(targets, results) {
                    #expect(own.parameters.roundTrip(own.values) == own.values)
                    guard let layer = layers[target.tensor] else { #expect(own.values == nearest.values); continue }
                    func error(_ values: Tensor) throws -> Double {
                        let difference = layer.contraction.matrix(of: values) - layer.contraction.matrix(of: target.values)
                        return try layer.moments.reduce(0) { try $0 + $1.moment.rowErrors(of: difference[columns: $1.columns]).reduce(0, +) }
                    }
                    let errors = (try error(own.values), try error(nearest.values))
                    #expect(errors.0 <= errors.1, "\(graph.name) \(target.tensor) \(errors)")
                    (better, count) = (better + (errors.0 < errors.1 ? 1 : 0), count + 1)
                }
            }
        }
        // A few small layers have nothing to gain.
        #expect(Double(better) > 0.8 * Double(count), "\(better) of \(count)")
    }

    /// What was pruned stays so, whatever others must be made up for.
    @Test(arguments: ["gptq", "adaround", "brecq", "sequential-mse", "hqq", "sum-preserving"], [false, true])
    func zerosStay(_ name: String, isSequential: Bool) throws {
        for make in Self.models + [Zoo.twoHeads] {
            let graph = try MagnitudePruning(hyperparameters: ["sparsity": 0.5])(make()).graph
            let context = try Zoo.context(for: graph)
            let targets = try WeightTargets(graph, Selection(in: graph)) { _ in nil }.targets
            for scheme in [QuantizationScheme(bits: 4, .channel), QuantizationScheme(bits: 8, .tensor), QuantizationScheme(bits: 4, .block(2))] {
                let results = try Self.rounded(name, targets, scheme, in: graph, context) {
                    ($0.sequential, $0.roundingSteps, $0.roundingSamples) = (isSequential, 60, 64)
                }
                for (target, own) in zip(targets, results) {
                    let (before, after) = (target.values.floats(), own.parameters.roundTrip(own.values).floats())
                    #expect(zip(before, after).allSatisfy { $0 != 0 || $1 == 0 }, "\(graph.name) \(target.tensor)")
                }
            }
        }
    }

    /// What was asked for and changes no code is told: of a weight whose numbers are codes already, and of columns of outputs, which share
    /// no sum.
    @Test(arguments: ["hqq", "sum-preserving", "gptq", "adaround"], [false, true])
    func roundingsThatFindNothingAreTold(_ name: String, isExact: Bool) throws {
        let b = GraphBuilder("layer")
        let x = try b.add(Relu(), b.input("x", .float32, ["N", 16]), name: "relu")
        let codes = (0..<128).map { (place: Int) -> Float in
            let code = place % 16 == 0 ? 127 : place * 37 % 251 - 125
            return Float(code) / 32
        }
        let weight = isExact ? Tensor(codes, shape: [8, 16]) : TestModels.normal([8, 16])
        let graph = try b.graph(outputs: [b.linear(x, b.constant("w", weight), b.constant("b", TestModels.normal([8])), name: "fc")])
        func told(_ pass: any Pass) throws -> [String] {
            let findings = try pass(graph, in: TestModels.context(for: graph)).findings.filter { $0.subject == "w" && $0.status == .fellBack }
            return findings.map(\.reason)
        }
        let expected = isExact ? ["rounded to the nearest: \(name) finds no better codes"] : []
        #expect(try told(WeightOnlyQuantization(hyperparameters: ["rounding": .string(name)])) == expected)
        #expect(try told(StaticQuantization(hyperparameters: ["rounding": .string(name), "output-sqnr": 0])) == expected)
        #expect(try told(WeightOnlyQuantization(hyperparameters: ["rounding": "nearest"])).isEmpty)
        guard name == "sum-preserving" else { return }
        let columns = try WeightOnlyQuantization(hyperparameters: ["rounding": .string(name), "block-size": "4x1"])
        #expect(try told(columns) == ["rounded to the nearest: \(name) finds no better codes"])
    }

    /// Static quantization tells the same, and where a weight is not one layer's own.
    @Test func sharedWeightsAreRoundedToTheNearest() throws {
        let b = GraphBuilder("shared")
        let x = try b.input("x", .float32, ["N", 8])
        let w = b.constant("w", TestModels.normal([8, 8]))
        let first = try b.add(Relu(), b.add(MatMul(), x, w, name: "first"), name: "relu")
        let second = try b.add(MatMul(), first, w, name: "second")
        let graph = try b.graph(outputs: [b.add(MatMul(), second, b.constant("v", TestModels.normal([8, 4], seed: 3)), name: "third")])
        let pass = try StaticQuantization(hyperparameters: ["rounding": "gptq", "output-sqnr": 0, "weight-bits": 4])
        let findings = try pass(graph, in: TestModels.context(for: graph)).findings
        let told = findings.filter { $0.reason.hasPrefix("rounded to the nearest") }
        #expect(told.map(\.subject) == ["w"] && told.allSatisfy { $0.reason.contains("no layer has it for itself") })
        // Errors are those of the weight that the model had.
        let errors = findings.filter { ["w", "v"].contains($0.subject) }.compactMap { $0.codes?.signal }
        #expect(errors.count == 2 && errors.allSatisfy { $0 < 40 })
    }

    /// Where inputs are independent and equally large there is nothing to make up for.
    @Test(arguments: [false, true]) func independentInputsAreRoundedToTheNearest(ordered: Bool) throws {
        let graph = try TestModels.perceptron()
        let site = try #require(graph.weightSites.first)
        let contraction = try #require(Contraction(site, in: graph))
        var unit = Matrix<Float>(zeros: 12, 12)
        for index in 0..<12 { unit[index, index] = 7 }
        let moment = SecondMoment(matrix: unit, mean: [Double](repeating: 0, count: 12), rowCount: 100)
        let layer = LayerReconstruction(contraction: contraction, moments: [(0..<12, moment)])
        var choice = RoundingChoice()
        choice.actOrder = ordered
        let target = try Self.target(site, in: graph)
        let parameters = QuantizationScheme(bits: 4, .channel).parameters(for: target.values, channelAxis: 0).parameters
        let own = try GPTQRounding(choice).rounded(RoundingTask(target: target, parameters: parameters) { _ in parameters }, layer)
        #expect(own?.values == parameters.roundTrip(target.values))
    }

    /// GPTQ's codes are those of an independent script (`Fixtures/make_rounding.py`), whichever way the weight is stored.
    @Test(arguments: ["plain", "ordered", "blocks", "static", "damped"], [false, true])
    func gptqIsTheScripts(_ name: String, transposed: Bool) throws {
        let wanted = try #require(fixture("rounding", as: [String: [Int]].self)[name])
        let (graph, context) = try SecondOrderPruningTests.layer(transposed: transposed)
        let site = try #require(graph.weightSites.first)
        let isBlocked = name == "blocks" || name == "static"
        let own = try #require(
            Self.rounded("gptq", [Self.target(site, in: graph)], QuantizationScheme(bits: 4, isBlocked ? .block(32) : .channel), in: graph, context) {
                $0.roundingSamples = 400
                ($0.actOrder, $0.staticGroups, $0.damping) = (name == "ordered", name == "static", name == "damped" ? 0.3 : 0.01)
            }.first)
        let codes = own.parameters.quantize(own.values)
        let found = (transposed ? codes.transposed([1, 0]) : codes).integers()
        let same = zip(found, wanted).count { $0 == $1 }
        #expect(same >= wanted.count - 3, "\(same) of \(wanted.count)")
    }

    /// Without data, numbers lose less in the mean, whether codes have zero points or not.
    @Test(arguments: [false, true]) func halfQuadraticsLoseLess(isAffine: Bool) throws {
        let graph = try TestModels.perceptron()
        let weight = Tensor(try #require(graph.initializers["fc1.weight"]).floats().map { $0 * $0 * $0 + 0.01 }, shape: [16, 12])
        let target = WeightTarget(tensor: "w", stored: weight, sites: [])
        var parameters = QuantizationScheme(bits: 4, .channel).parameters(for: weight, channelAxis: 0).parameters
        if isAffine {
            parameters = QuantizationParameters(
                elementType: .uint4, codes: 0...15, scales: parameters.scales, zeroPoints: [Int](repeating: 5, count: 16), axis: 0)
        }
        let own = try #require(HalfQuadraticRounding(RoundingChoice()).rounded(RoundingTask(target: target, parameters: parameters) { _ in parameters }, nil))
        func error(_ values: Tensor) -> Float { zip(values.floats(), weight.floats()).reduce(0) { $0 + abs($1.0 - $1.1) } }
        let errors = (error(own.values), error(parameters.roundTrip(weight)))
        #expect(isAffine ? errors.0 <= errors.1 : errors.0 < errors.1, "\(errors)")
        #expect(own.parameters.roundTrip(own.values) == own.values)
    }

    /// Layers that make up for those before them leave less of the error in the end.
    @Test(arguments: ["gptq", "adaround", "sequential-mse"]) func layersInTurnMakeUpForOthers(_ name: String) throws {
        var errors = [0.0, 0.0]
        for make in TestModels.makers + [Zoo.scaling, Zoo.conv1d, Zoo.twoHeads] {
            let graph = try make()
            let context = PassContext(calibration: try Zoo.data(for: graph, count: 64))
            let inputs = try Zoo.data(for: graph, count: 64).batch(at: Array(0..<64))
            for (index, isSequential) in [false, true].enumerated() {
                let pass = try WeightOnlyQuantization(hyperparameters: ["bits": 4, "per-channel": false, "rounding": .string(name), "sequential": .bool(isSequential)])
                let output = graph.outputNames[0]
                errors[index] += try #require(Session(graph).run(inputs)[output])
                    .relativeError(of: #require(Session(pass(graph, in: context).graph).run(inputs)[output]))
            }
        }
        #expect(errors[1] < errors[0], "\(errors)")
    }

    /// Blocks of layers learn together, also of models with one batch size, several inputs and several outputs.
    @Test func blocksOfLayersLoseLess() throws {
        var errors = [0.0, 0.0]
        for make in [Zoo.fixedBatch, Zoo.twoHeads, Zoo.scaling, Zoo.tokens, { try TestModels.residual() }] {
            let graph = try make()
            let context = PassContext(calibration: try Zoo.data(for: graph, count: 64))
            let inputs = try Zoo.data(for: graph, count: 64).batch(at: Array(0..<(graph.fixedBatchSize ?? 64)))
            for (index, name) in ["nearest", "brecq"].enumerated() {
                var settings: [String: HyperparameterValue] = ["bits": 4, "per-channel": false, "rounding": .string(name)]
                if index == 1 { settings["rounding-steps"] = 120 }
                let output = graph.outputNames[0]
                let result = try WeightOnlyQuantization(hyperparameters: settings)(graph, in: context).graph
                errors[index] += try #require(Session(graph).run(inputs)[output]).relativeError(of: #require(Session(result).run(inputs)[output]))
            }
        }
        #expect(errors[1] < 0.9 * errors[0], "\(errors)")
    }

    /// Numbers that are not real are named; inputs that are always 0, or a layer that never sees data, are no trap.
    @Test(arguments: ["gptq", "adaround", "sequential-mse"]) func strangeData(_ name: String) throws {
        let graph = try TestModels.perceptron()
        let pass = try WeightOnlyQuantization(hyperparameters: ["bits": 4, "per-channel": true, "rounding": .string(name)])
        for value in [Float.nan, .infinity] {
            var rows = TestModels.normal([8, 12])
            rows.withMutableElements(Float.self) { $0[17] = value }
            let context = PassContext(calibration: try Dataset([.init(name: "x", rows)]))
            let error = #expect(throws: WinnowError.self) { try pass(graph, in: context) }
            #expect(error?.description.contains("x") == true && error?.kind == .numeric)
        }
        let zeros = PassContext(calibration: try Dataset([.init(name: "x", Tensor(zeros: [8, 12]))]))
        #expect(try pass(graph, in: zeros).graph.initializers["fc1.weight.codes"] == WeightOnlyQuantization(hyperparameters: ["bits": 4, "per-channel": true])(graph).graph.initializers["fc1.weight.codes"])
    }

    /// Parts of a layer with too many inputs are rounded each by itself.
    @Test(arguments: ["adaround"]) func partsDoForLayersThatAreTooDeep(_ name: String) throws {
        let (depth, count) = (8200, 24)
        let b = GraphBuilder("deep")
        let weight = b.constant("w", TestModels.normal([4, depth]))
        let graph = try b.graph(outputs: [b.linear(b.input("x", .float32, ["N", .fixed(depth)]), weight, name: "fc")])
        let data = Tensor(TestModels.normal([count, depth], seed: 3).floats().map { $0 + 0.3 }, shape: [count, depth])
        let context = PassContext(calibration: try Dataset([.init(name: "x", data)]))
        let target = try Self.target(#require(graph.weightSites.first), in: graph)
        let scheme = QuantizationScheme(bits: 3, .channel)
        let values = try ["nearest", name].map { try #require(Self.rounded($0, [target], scheme, in: graph, context) { $0.roundingSteps = 20 }.first).values }
        let outputs = try ([target.values] + values).map { weight in
            try #require(Session(graph.settingInitializers(["w": weight])).run(["x": data])[graph.outputNames[0]])
        }
        #expect(outputs[0].relativeError(of: outputs[2]) < 0.9 * outputs[0].relativeError(of: outputs[1]))
    }
}

/// Layers that other test models do not have.
enum RoundingModels {
    /// Convolutions in groups, one of them transposed.
    @Sendable static func grouped() throws -> Graph {
        let b = GraphBuilder("grouped")
        let x = try b.input("x", .float32, ["N", 6, 7, 7])
        let y = try b.conv(x, b.constant("in.groups", TestModels.normal([4, 3, 3, 3])), padding: 1, groups: 2, name: "conv")
        let window = Window(strides: [2, 2], dilations: [1, 2], pads: [1, 0, 0, 1])
        let larger = ConvTranspose(window: window, groups: 2, outputPadding: [1, 0])
        return try b.graph(outputs: [b.add(larger, y, b.constant("transposed.groups", TestModels.normal([4, 3, 3, 2], seed: 8)), name: "larger")])
    }

    /// A product with the weight on the left, after one on the right.
    @Sendable static func left() throws -> Graph {
        let b = GraphBuilder("left")
        let x = try b.input("x", .float32, ["N", 6, 5])
        let y = try b.add(MatMul(), x, b.constant("right", TestModels.normal([5, 8])), name: "first")
        return try b.graph(outputs: [b.add(MatMul(), b.constant("left", TestModels.normal([4, 6], seed: 8)), y, name: "second")])
    }
}
