import Foundation
import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

/// Which layers become integers, and what is said of those that do not.
struct PrecisionTests {
    /// A convolution whose outputs span orders of magnitude, their logarithm, and layers behind it.
    private func spectrogram() throws -> Graph {
        let b = GraphBuilder("spectrogram")
        let x = try b.input("x", .float32, ["N", 1, 8, 8])
        func weight(_ name: String, _ shape: Shape, _ seed: UInt64) -> ValueName { b.constant(name, TestModels.normal(shape, seed: seed)) }
        let bands = try b.conv(x, weight("bands.weight", [16, 1, 3, 3], 1), padding: 1, name: "bands")
        let power = try b.add(Add(), b.add(Mul(), bands, bands, name: "power"), b.constant("floor", Tensor([Float(1e-6)])), name: "floored")
        let level = try b.add(Log(), power, name: "level")
        let hidden = try b.add(Relu(), b.conv(level, weight("conv.weight", [8, 16, 3, 3], 2), padding: 1, name: "conv"), name: "relu")
        let flat = try b.add(Flatten(), b.add(GlobalAveragePool(), hidden, name: "pool"), name: "flat")
        return try b.graph(outputs: [b.linear(flat, weight("head.weight", [4, 8], 3), name: "head")])
    }

    private func quantized(
        _ graph: Graph, _ values: [String: HyperparameterValue] = [:], pass: StaticQuantization? = nil
    ) throws -> PassResult {
        try StaticQuantization(hyperparameters: values)(graph, in: TestModels.context(for: graph))
    }

    private func layersInIntegers(_ graph: Graph) -> Set<String> {
        let index = GraphIndex(graph)
        let layers = graph.nodes.filter { $0.op.quantization == .contraction }
        return Set(layers.filter { $0.inputs.prefix(2).allSatisfy { index.producer(of: $0)?.op is DequantizeLinear } }.map(\.name))
    }

    private func decibels(_ graph: Graph, _ original: Graph) throws -> Double {
        let samples = try TestModels.dataset(for: original, count: 64)
        return try MetricRun(of: graph, original: original, on: samples, metrics: [SignalToNoise()]).sums[0].sums.decibels
    }

    /// An output without elements has no energy to lose: the others are judged as they are without it.
    @Test func outputsWithoutElementsAreNotJudged() throws {
        let b = GraphBuilder("empty")
        let x = try b.input("x", .float32, ["N", 12])
        let y = try b.add(MatMul(), x, b.constant("w", TestModels.normal([12, 8])), name: "layer")
        let nothing = try b.add(MatMul(), x, b.constant("nothing", Tensor([] as [Float], shape: [12, 0])), name: "empty")
        let graph = try b.graph(outputs: [y, nothing])
        for values in [[:], ["max-drop": 1]] as [[String: HyperparameterValue]] {
            let result = try quantized(graph, values)
            #expect(result.findings.contains { $0.subject == "w" && $0.status == .done })
            #expect(layersInIntegers(result.graph) == ["layer"])
        }
    }

    /// What stands before a logarithm stays float, what comes behind it does not; asked to, everything becomes integers, and is worse.
    @Test func whatFeedsALogarithmStaysFloat() throws {
        let graph = try spectrogram()
        let chosen = try quantized(graph)
        #expect(layersInIntegers(chosen.graph) == ["conv", "head"])
        #expect(try decibels(chosen.graph, graph) > 26)
        let reason = try #require(chosen.findings.first { $0.quantity == .outputNoise })
        #expect(reason.status == .fellBack && reason.subject == "bands" || reason.subject == "x")
        #expect(chosen.findings.contains { $0.subject == "bands.weight" && $0.status == .fellBack })
        let all = try quantized(graph, ["output-sqnr": 0])
        #expect(layersInIntegers(all.graph) == ["bands", "conv", "head"])
        #expect(try decibels(all.graph, graph) < decibels(chosen.graph, graph) - 3)
    }

    /// Where layers stay float one finding says how many, what the outputs would be with all in integers, and which settings change that.
    @Test func layersInFloatAreCountedAndExplained() throws {
        let graph = try spectrogram()
        func finding(_ values: [String: HyperparameterValue]) throws -> Finding? {
            try quantized(graph, values).findings.first { $0.quantity == .integerLayers }
        }
        let some = try #require(try finding([:]))
        #expect(some.subject == "graph" && some.status == .fellBack && some.before == 3 && some.after == 2)
        #expect(some.reason.hasPrefix("1 of 3 layers stay float: ") && some.reason.contains(" dB, and output-sqnr asks for 28: "))
        #expect(some.reason.contains("max-drop") && some.reason.contains("weight-only-quantization"))
        let none = try #require(try finding(["output-sqnr": 200]))
        #expect(none.before == 3 && none.after == 0 && none.reason.contains("output-sqnr asks for 200"))
        let drop = try finding(["max-drop": 0])
        #expect(drop.map { $0.reason.contains("the 0 points of max-drop") } ?? true)
        #expect(try finding(["output-sqnr": 0]) == nil && finding(["max-drop": 100]) == nil)
    }

    /// Rounding to whole numbers has no derivative, so that the harm of its layers is far larger than predicted: the others stay integers.
    @Test func harmThatWasNotPredictedLeavesTheRestInIntegers() throws {
        let b = GraphBuilder("floors")
        func weight(_ name: String, _ shape: Shape, _ seed: UInt64) -> ValueName { b.constant(name, TestModels.normal(shape, seed: seed)) }
        let (x, z) = (try b.input("x", .float32, ["N", 12]), try b.input("z", .float32, ["N", 12]))
        func hidden(_ data: ValueName, _ name: String, _ count: Int, _ seed: UInt64) throws -> ValueName {
            let first = try b.add(MatMul(), data, weight("\(name)1.weight", [12, 16], seed), name: "\(name)1")
            return try b.add(MatMul(), b.add(Relu(), first), weight("\(name)2.weight", [16, count], seed + 1), name: "\(name)2")
        }
        let steps = try hidden(x, "a", 64, 1)
        let floors = try b.add(Add(), steps, b.add(Mul(), b.add(Floor(), steps), b.constant("factor", Tensor(scalar: Float(4)))))
        let shifted = try b.add(Add(), hidden(z, "b", 8, 3), b.constant("shift", Tensor(scalar: Float(10))))
        let graph = try b.graph(outputs: [floors, shifted])
        func samples(_ seed: UInt64) -> Tensor { Tensor(TestModels.normal([64, 12], seed: seed).floats().map { $0 / 0.3 }, shape: [64, 12]) }
        let data = try Dataset([.init(name: "x", samples(5)), .init(name: "z", samples(6))])
        let context = PassContext(calibration: data, training: data, validation: data)
        let result = try StaticQuantization(hyperparameters: ["output-sqnr": 48])(graph, in: context)
        #expect(layersInIntegers(result.graph) == ["b1", "b2"])
        #expect(result.findings.contains { $0.quantity == .outputSignal && $0.after ?? 0 >= 48 })
    }

    /// Ranks that swap are no noise: layers before a TopK become integers where its scores and what is looked up by them allow it.
    @Test func outputsInTheOrderOfARankDoNotKeepLayersInFloat() throws {
        let b = GraphBuilder("detector")
        let x = try b.input("x", .float32, ["N", 12])
        func weight(_ name: String, _ shape: Shape, _ seed: UInt64) -> ValueName { b.constant(name, TestModels.normal(shape, seed: seed)) }
        let hidden = try b.add(Relu(), b.linear(x, weight("stem.weight", [16, 12], 1), name: "stem"), name: "relu")
        let scores = try b.linear(hidden, weight("scores.weight", [32, 16], 2), name: "scores")
        let boxes = try b.linear(hidden, weight("boxes.weight", [32, 16], 3), name: "boxes")
        let top = try b.add(TopK(axis: 1), inputs: [scores, b.constant("k", Tensor([Int64(16)]))], outputs: 2, name: "top")
        let graph = try b.graph(outputs: top + [b.add(GatherElements(axis: 1), boxes, top[1], name: "found")])
        let result = try quantized(graph)
        #expect(layersInIntegers(result.graph) == ["stem", "scores", "boxes"])
        #expect(result.findings.contains { $0.quantity == .outputSignal && $0.after ?? 0 > 28 })
    }

    /// More asked of the outputs never means more in integers, and what is said of them is true.
    @Test func boundsHold() throws {
        for graph in try TestModels.all {
            var former = Int.max
            for bound in [10.0, 25, 35, 45] {
                let result = try quantized(graph, ["output-sqnr": .number(bound)])
                let count = layersInIntegers(result.graph).count
                #expect(count <= former, "\(graph.name) at \(bound)")
                former = count
                let measured = try #require(result.findings.first { $0.quantity == .outputSignal })
                if count > 0 { #expect(measured.after ?? .infinity >= bound) }
                #expect(try decibels(result.graph, graph) > bound - 3, "\(graph.name) at \(bound)")
            }
        }
    }

    /// The means of a layer's outputs come back.
    @Test func biasesTakeTheMeanOfRounding() throws {
        let graph = try TestModels.convolutional()
        let samples = try TestModels.dataset(for: graph, count: 64).features[0].tensor
        func shift(_ correct: Bool) throws -> Float {
            let result = try quantized(graph, ["weight-bits": 4, "output-sqnr": 0, "correct-biases": .bool(correct)]).graph
            func means(_ graph: Graph) throws -> [Float] {
                var edit = GraphEdit()
                edit.outputs = ["conv1"]
                let values = try Session(graph.applying(edit)).run(["image": samples])["conv1"]?.floats() ?? []
                let plane = values.count / 64 / 6
                return (0..<6).map { channel in
                    (0..<64).reduce(0) { sum, sample in
                        values[((sample * 6 + channel) * plane)..<((sample * 6 + channel + 1) * plane)].reduce(sum, +)
                    } / Float(64 * plane)
                }
            }
            return try zip(means(graph), means(result)).map { abs($0 - $1) }.max() ?? 0
        }
        #expect(try shift(true) < 0.5 * shift(false))
    }

    /// Nothing goes back where everything may be lost; every trial is a finding; what is kept holds the bound.
    @Test func dropsAreBounded() throws {
        let graph = try spectrogram()
        let free = try quantized(graph, ["max-drop": 100])
        #expect(layersInIntegers(free.graph).count == 3)
        let context = try TestModels.context(for: graph)
        let validation = try #require(context.validation)
        for bound in [0.0, 5] {
            let result = try quantized(graph, ["max-drop": .number(bound)])
            let trials = result.findings.filter { $0.quantity.name.hasPrefix("validation") }
            #expect(!trials.isEmpty && trials.contains { $0.status == .done })
            let bench = Bench(original: graph)
            let drop = try bench.trial(result.graph, on: validation).drop(from: bench.trial(graph, on: validation))
            #expect(drop <= bound + 1e-9)
        }
    }

    /// Codes take no more bytes than they may, every weight has a scheme, and more bytes mean no more error.
    @Test func codesKeepToASize() throws {
        for graph in try TestModels.all {
            let bytes = graph.weightSites.compactMap { graph.initializers[$0.tensor]?.byteCount }.reduce(0, +)
            var former = Double.infinity
            for size in [0.5, 0.6, 0.8, 1] {
                let pass = WeightOnlyQuantization { $0.size = size }
                let targets = WeightTargets(graph, try pass.choice.selection(in: graph)) { _ in nil }.targets
                let ladder = SchemeLadder(for: targets) { _ in
                    [("uint4-g16", QuantizationPreset.uint(4, 16).scheme), ("int8", QuantizationScheme(bits: 8, .channel)), ("float", nil)]
                }
                let limit = Int(size * Double(bytes))
                let choices = ladder.choices(within: limit)
                #expect(choices.count == targets.count)
                let all = targets.map { target in (target, choices[target.tensor]?.scheme) }
                let taken = all.reduce(0) { sum, item in
                    sum + (item.1?.parameters(for: item.0.values, channelAxis: item.0.channelAxis, inputAxis: item.0.inputAxis).parameters
                        .byteCount(for: item.0.values.shape) ?? item.0.stored.byteCount)
                }
                #expect(taken <= max(limit, ladder.leastByteCount), "\(graph.name) at \(size)")
                let error = try TestModels.largestDifference(graph, pass(graph).graph)
                #expect(Double(error) <= 1.2 * former, "\(graph.name) at \(size)")
                former = Double(error)
            }
        }
        let tooSmall = WeightOnlyQuantization { $0.size = 0.05 }
        #expect { try tooSmall(TestModels.perceptron()) } throws: { "\($0)".contains("is less than codes can take") }
    }

    /// Weights get more bits, and at last floats, until a bound holds.
    @Test func weightsGetBitsUntilABoundHolds() throws {
        let graph = try TestModels.convolutional()
        let context = try TestModels.context(for: graph)
        let validation = try #require(context.validation)
        func drop(_ result: PassResult) throws -> Double {
            let bench = Bench(original: graph)
            return try bench.trial(result.graph, on: validation).drop(from: bench.trial(graph, on: validation))
        }
        let settings: [String: HyperparameterValue] = ["scheme": "palette-2"]
        func result(_ bound: Double) throws -> PassResult {
            try WeightOnlyQuantization(hyperparameters: settings.merging(["max-drop": .number(bound)]) { $1 })(graph, in: context)
        }
        let plain = try WeightOnlyQuantization(hyperparameters: settings)(graph, in: context)
        #expect(try result(100).graph.text == plain.graph.text)
        for bound in [0.0, 5] where try drop(plain) > bound {
            let result = try result(bound)
            #expect(try drop(result) <= bound + 1e-9)
            #expect(result.findings.contains { $0.quantity.name.hasPrefix("validation") && $0.status == .fellBack })
        }
        #expect(try drop(plain) > 0)
    }

    /// A second run leaves what the first one did, also the layers that it left in float.
    @Test func nothingIsQuantizedTwice() throws {
        let graph = try spectrogram()
        let once = try quantized(graph)
        let twice = try StaticQuantization()(once.graph, in: TestModels.context(for: graph))
        #expect(twice.graph.text == once.graph.text)
        #expect(twice.findings.contains { $0.reason.contains("codes already") })
    }

    /// Data that never changes tells no range, and that is said.
    @Test func constantDataIsNamed() throws {
        let graph = try TestModels.perceptron()
        var context = try TestModels.context(for: graph)
        context.calibration = try Dataset([.init(name: "x", Tensor(zeros: [8, 12]))])
        let result = try StaticQuantization()(graph, in: context)
        #expect(result.findings.contains { $0.subject == "x" && $0.status == .fellBack && $0.reason.contains("calibration data") })
    }

    /// Layers between codes in the standard's operators for codes give what pairs around them give.
    @Test func quantizedOperatorsComputeTheSame() throws {
        for graph in [try TestModels.convolutional(), try TestModels.residual()] {
            let pairs = try quantized(graph, ["output-sqnr": 0]).graph
            let operators = try quantized(graph, ["output-sqnr": 0, "quantized-operators": true]).graph
            #expect(operators.nodes.contains { $0.op is QLinearConv } && !operators.nodes.contains { $0.op is Conv })
            try WrittenModels.keep(operators, "passes", "static-quantization quantized-operators \(graph.name)")
            let inputs = try TestModels.dataset(for: graph, count: 16).features[0].tensor
            let (a, b) = (try TestModels.predictions(of: pairs, on: inputs), try TestModels.predictions(of: operators, on: inputs))
            #expect(Tensor(a.flatMap { $0 }).relativeError(of: Tensor(b.flatMap { $0 })) < 0.02)
        }
    }

    /// The operators take codes of 8 bits only: wider ones keep their pairs, and that is said.
    @Test(arguments: ["uint16", "int16"]) func quantizedOperatorsTakeEightBits(_ type: String) throws {
        let settings: [String: HyperparameterValue] = ["output-sqnr": 0, "activations": .string(type)]
        let graph = try TestModels.convolutional()
        let pairs = try quantized(graph, settings)
        let result = try quantized(graph, settings.merging(["quantized-operators": true]) { $1 })
        #expect(!result.graph.nodes.contains { $0.op is QLinearConv } && result.graph.text == pairs.graph.text)
        #expect(result.findings.contains { $0.status == .fellBack && $0.reason.contains("QLinearConv takes codes of 8 bits") })
        #expect(!pairs.findings.contains { $0.reason.contains("QLinearConv") })
        try WrittenModels.keep(result.graph, "passes", "static-quantization quantized-operators \(type)")
    }

    /// The step that findings give for a recipe has the same layers in float, and looks for none.
    @Test func theStepThatIsToldHasTheSameLayers() throws {
        let graph = try TestModels.convolutional()
        let context = try TestModels.context(for: graph)
        let found = try StaticQuantization(hyperparameters: ["output-sqnr": 45])(graph, in: context)
        let words = try #require(found.findings.first { $0.subject == "graph" && $0.reason.contains("for a recipe") }).reason
        let names = try #require(words.split(separator: "except: [").last?.split(separator: "]").first).split(separator: ", ").map(String.init)
        #expect(words.contains("- static-quantization: {") && words.contains("output-sqnr: 0") && !names.isEmpty)
        let told = try StaticQuantization(hyperparameters: ["output-sqnr": 0, "except": .list(names.map { .string($0) })])(graph, in: context)
        #expect(told.graph.initializers == found.graph.initializers && !told.findings.contains { $0.reason.contains("for a recipe") })
    }

    /// 65536 steps lose less than 256, and say which operator set they need.
    @Test(arguments: ["uint16", "int16"]) func sixteenBitsLoseLess(_ type: String) throws {
        let graph = try TestModels.convolutional()
        let eight = try quantized(graph, ["output-sqnr": 0]).graph
        let sixteen = try quantized(graph, ["output-sqnr": 0, "activations": .string(type)]).graph
        #expect(sixteen.metadata.version(of: "") >= 21)
        try WrittenModels.keep(sixteen, "passes", "static-quantization \(type)")
        #expect(try decibels(sixteen, graph) > decibels(eight, graph))
    }

    /// Sums of two products of 8 bits may need 17; with 7 bits they do not.
    @Test func saturationIsNamed() throws {
        let graph = try TestModels.convolutional()
        func isNamed(_ values: [String: HyperparameterValue]) throws -> Bool {
            try quantized(graph, values).findings.contains { $0.reason.contains("VNNI") }
        }
        #expect(try isNamed(["output-sqnr": 0]))
        #expect(try !isNamed(["output-sqnr": 0, "reduce-range": true]))
        #expect(try !isNamed(["output-sqnr": 0, "profile": "tensorrt"]))
    }

    /// A model that takes one sample at a time is calibrated with as many as there are.
    @Test func oneSampleAtATime() throws {
        let b = GraphBuilder("single")
        let x = try b.input("images", .float32, [1, 3, 8, 8])
        let conv = try b.conv(x, b.constant("conv.weight", TestModels.normal([6, 3, 3, 3])), padding: 1, name: "conv")
        let relu = try b.add(Relu(), conv, name: "relu")
        let graph = try b.graph(outputs: [b.conv(relu, b.constant("last.weight", TestModels.normal([3, 6, 3, 3])), padding: 1, name: "last")])
        let data = try Dataset([.init(name: "images", TestModels.normal([16, 3, 8, 8]))])
        let result = try StaticQuantization()(graph, in: PassContext(calibration: data, training: data, validation: data))
        #expect(layersInIntegers(result.graph).count == 2)
    }
}
