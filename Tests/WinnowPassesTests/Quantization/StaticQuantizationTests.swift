import Foundation
import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

struct QuantizationParametersTests {
    /// torch's observers: scale = (max − min)/255, zero point = round(−min/scale), ranges always contain 0.
    @Test(arguments: [(-1.0, 3.0), (0.5, 2.0), (-2.0, -0.5), (0, 0), (-1e-3, 1e3)])
    func affine(_ low: Double, _ high: Double) {
        let parameters = ActivationScheme.uint8.parameters(for: Float(low)...Float(high))
        let (low, high) = (min(Float(low), 0), max(Float(high), 0))
        let scale = high > low ? (high - low) / 255 : 1
        #expect(parameters.scales == [scale])
        #expect(parameters.zeroPoints == [Int((-low / scale).rounded(.toNearestOrEven))])
    }

    @Test func symmetricChannelsKeepZeroAndExtremes() {
        let weight = Tensor([Float(0), -2, 1, 0, 0, 0, 0.5, 4, -4], shape: [3, 3])
        let parameters = QuantizationParameters(symmetric: weight, ScalePlacement(weight.shape, axis: 0), .int8, codes: -127...127)
        #expect(parameters.scales == [2 / 127, 1, 4 / 127])
        #expect(parameters.quantize(weight).integers() == [0, -127, 64, 0, 0, 0, 16, 127, -127])
        #expect(parameters.scaleTensor(for: weight.shape).shape == [3])
    }

    @Test func halvesGoToEven() {
        let parameters = QuantizationParameters(elementType: .int8, codes: -128...127, scales: [1], zeroPoints: [0])
        #expect(
            parameters.quantize(Tensor([Float(0.5), 1.5, 2.5, -0.5, -1.5, 200, -200])).integers() == [
                0, 2, 2, 0, -2, 127, -128,
            ])
    }

    @Test func blocksHaveTheirOwnScale() {
        let weight = Tensor([Float(1), 2, 3, 4, 50, 60, 70, 80, 9, 10], shape: [2, 5])
        let parameters = QuantizationParameters(symmetric: weight, ScalePlacement(weight.shape, axis: 1, blockSize: 2), .int8, codes: -127...127)
        #expect(parameters.scales == ([2, 4, 50, 70, 80, 10] as [Float]).map { $0 / 127 })
        #expect(parameters.scaleTensor(for: weight.shape).shape == [2, 3])
        #expect(weight.relativeError(of: parameters.roundTrip(weight)) < 0.005)
    }

    @Test func powersOfTwoNeverClip() {
        for seed in 0..<20 {
            var random = RandomGenerator(seed: UInt64(seed))
            let weight = Tensor((0..<50).map { _ in random.normal() })
            let parameters = QuantizationParameters(symmetric: weight, ScalePlacement(weight.shape), .int8, codes: -127...127, isPowerOfTwo: true)
            #expect(parameters.scales[0].significand == 1)
            let (exact, rounded) = (weight.floats(), parameters.roundTrip(weight).floats())
            #expect(zip(exact, rounded).allSatisfy { abs($0 - $1) <= parameters.scales[0] / 2 })
        }
    }

    /// Codes of few bits are cut once: what is moved between two pairs is within them already.
    @Test(arguments: ["int4", "uint4", "int2"]) func movedCodesAreNotCutAgain(_ type: String) throws {
        let b = GraphBuilder("moved")
        let layer = try b.add(Relu(), b.add(Conv(), b.input("x", .float32, ["N", 4, 7, 7]), b.constant("w", TestModels.normal([8, 4, 3, 3], seed: 1))))
        let moved = try b.add(Transpose([0, 2, 3, 1]), layer, name: "moved")
        let graph = try b.graph(outputs: [b.add(MatMul(), moved, b.constant("v", TestModels.normal([8, 6], seed: 2)))])
        let result = try StaticQuantization(hyperparameters: ["activations": .string(type), "output-sqnr": 0])(
            graph, in: PassContext(calibration: Zoo.data(for: graph, count: 16))).graph
        let index = GraphIndex(result)
        #expect(!index.consumers(of: result.nodes.first { $0.name == "moved" }?.output(0)).contains { $0.op is Clip })
        try WrittenModels.keep(result, "passes", "moved \(type)")
    }
}

extension ActivationScheme {
    static let uint8 = ActivationScheme(elementType: .uint8, codes: 0...255)
}

/// Values as layers give them.
struct RangeSamples: CustomTestStringConvertible, Sendable {
    var name: String
    var values: [Float]
    var testDescription: String { name }

    static var all: [RangeSamples] {
        var random = RandomGenerator(seed: 3)
        let normal = (0..<50_000).map { _ in random.normal() }
        return [
            RangeSamples(name: "normal", values: normal),
            RangeSamples(name: "rectified", values: normal.map { max($0, 0) }),
            RangeSamples(name: "heavy tails", values: normal.map { $0 * $0 * $0 }),
            RangeSamples(name: "one outlier", values: normal.enumerated().map { $0.offset == 7 ? 300 : $0.element }),
            RangeSamples(name: "shifted", values: normal.map { 5 + $0 }),
        ]
    }
}

struct CalibrationTests {
    @Test func rangesAreThoseOfTheValues() throws {
        let graph = try TestModels.convolutional()
        let context = try TestModels.context(for: graph)
        var calibration = CalibrationChoice()
        calibration.batchSize = 10
        let observed = try calibration.observe(["image", "conv1", "fc2"], in: graph, context: context)
        let ranges = observed.compactMapValues(\.whole)
        let samples = try #require(context.calibration).features[0].tensor
        var edit = GraphEdit()
        edit.outputs = ["conv1", "fc2"]
        let values = try Session(graph.applying(edit), options: SessionOptions(lowers: false)).run(["image": samples])
        for (name, tensor) in [
            ("image", samples), ("conv1", try #require(values["conv1"])), ("fc2", try #require(values["fc2"])),
        ] {
            let floats = tensor.floats()
            let range = try #require(ranges[name])
            #expect(
                abs(range.lowerBound - (floats.min() ?? 0)) < 1e-5 && abs(range.upperBound - (floats.max() ?? 0)) < 1e-5
            )
        }
    }

    @Test func percentilesCutOutliers() throws {
        var observer = ObservedRange(.growing)
        var random = RandomGenerator(seed: 1)
        for batch in 0..<100 {
            var values = (0..<1000).map { _ in random.normal() }
            if batch == 50 { values[0] = 1000 }
            values.withUnsafeBufferPointer { observer.add($0, shape: [1000]) }
        }
        let whole = try #require(PercentileRange(percentile: 100).range(of: observer, for: .uint8))
        #expect(whole.upperBound >= 1000)
        let cut = try #require(PercentileRange(percentile: 99.99).range(of: observer, for: .uint8))
        #expect(cut.upperBound < 6 && cut.lowerBound > -6 && cut.upperBound > 3)
    }

    /// No range has a smaller error than the one that is found by it, and what is predicted of rounding is what it does.
    @Test(arguments: RangeSamples.all) func meanSquaresAreLeast(_ samples: RangeSamples) throws {
        var observer = ObservedRange([.growing, .rebinned])
        samples.values.withUnsafeBufferPointer { observer.add($0, shape: [$0.count]) }
        let histogram = try #require(observer.histogram)
        for scheme in [ActivationScheme.uint8, ActivationScheme(elementType: .int8, codes: -127...127, isSymmetric: true)] {
            let tensor = Tensor(samples.values)
            func error(_ rule: any RangeRule) throws -> Double {
                let range = try #require(rule.range(of: observer, for: scheme))
                let parameters = scheme.parameters(for: range)
                let rounded = parameters.roundTrip(tensor).floats()
                let exact = zip(samples.values, rounded).reduce(0) { $0 + pow(Double($1.0) - Double($1.1), 2) } / Double(rounded.count)
                let predicted = histogram.squaredError(of: parameters)
                #expect(abs(predicted - exact) <= 0.1 * exact, "\(samples.name) \(type(of: rule).name): \(predicted) for \(exact)")
                return exact
            }
            let least = try error(MeanSquareRange(percentile: 100))
            for other in RangeRules.all where other.name != MeanSquareRange.name {
                #expect(try least <= 1.02 * error(other.init(percentile: 99.99)), "\(samples.name) \(other.name)")
            }
        }
    }

    /// Torch's moving average: the first batch sets it, then m += 0.01·(x − m).
    @Test func averagesMoveByAHundredth() throws {
        var observer = ObservedRange()
        for batch in [[Float(-1), 2], [-3, 6]] { batch.withUnsafeBufferPointer { observer.add($0, shape: [2]) } }
        let range = try #require(MovingAverageRange(percentile: 100).range(of: observer, for: .uint8))
        #expect(abs(range.lowerBound + 1.02) < 1e-6 && abs(range.upperBound - 2.04) < 1e-6)
    }

    @Test func nonFiniteValuesAreNamed() throws {
        let graph = try TestModels.perceptron()
        let broken = try graph.settingInitializers(["fc1.bias": Tensor(repeating: Float.infinity, shape: [16])])
        let error = #expect(throws: WinnowError.self) {
            try StaticQuantization()(broken, in: TestModels.context(for: graph))
        }
        #expect(error?.kind == .numeric)
    }
}

struct StaticQuantizationTests {
    /// Between two integer layers a normalization would need floats, so it goes; asked to stay, it stays.
    @Test func batchNormalizationIsFoldedFirst() throws {
        let folded = try quantized(TestModels.residual())
        #expect(!folded.graph.nodes.contains { $0.op is BatchNormalization })
        #expect(folded.findings.contains { $0.subject == "stem.norm" && $0.reason.contains("folded") })
        let scheme = try StaticQuantization(hyperparameters: ["fold-batch-norm": false])
        let graph = try TestModels.residual()
        let kept = try scheme(graph, in: TestModels.context(for: graph)).graph
        #expect(kept.nodes.contains { $0.op is BatchNormalization })
    }

    private func quantized(_ graph: Graph, _ values: [String: HyperparameterValue] = [:]) throws -> PassResult {
        try StaticQuantization(hyperparameters: values)(graph, in: TestModels.context(for: graph))
    }

    @Test func everyContractionReadsIntegers() throws {
        for graph in try TestModels.all {
            let result = try quantized(FoldBatchNorm()(graph).graph).graph
            let index = GraphIndex(result)
            let contractions = result.nodes.filter { $0.op.quantization == .contraction }
            #expect(!contractions.isEmpty)
            for node in contractions {
                for input in node.inputs {
                    #expect(index.producer(of: input)?.op is DequantizeLinear, "\(node.name): \(input)")
                }
                let codes = index.constant(index.producer(of: node.input(1))?.input(0))
                #expect(codes?.elementType == .int8)
            }
        }
    }

    @Test func biasScalesAreTheProducts() throws {
        let result = try quantized(TestModels.convolutional()).graph
        let index = GraphIndex(result)
        for node in result.nodes where node.op.quantization == .contraction {
            func scale(_ input: Int) throws -> [Float] {
                try #require(index.constant(index.producer(of: node.input(input))?.input(1))).floats()
            }
            let (data, weight) = (try scale(0), try scale(1))
            #expect(try scale(2) == weight.map { data[0] * $0 })
            let bias = try #require(index.constant(index.producer(of: node.input(2))?.input(0)))
            #expect(bias.elementType == .int32)
        }
    }

    @Test func rectifiedRangesStartAtTheLowestCode() throws {
        for (activations, lowest) in [("uint8", 0), ("int8", -128)] {
            let result = try quantized(TestModels.convolutional(), ["activations": .string(activations)]).graph
            let index = GraphIndex(result)
            for node in result.nodes where node.op is Relu {
                let reader = try #require(index.consumers(of: node.output(0)).first)
                #expect(reader.op is QuantizeLinear)
                #expect(index.constant(reader.input(2))?.integers() == [lowest])
                #expect(
                    !(index.producer(of: node.input(0))?.op is DequantizeLinear), "no pair between a layer and its Relu"
                )
            }
        }
    }

    @Test func poolingAndFlattenKeepTheScale() throws {
        let result = try quantized(TestModels.convolutional()).graph
        let index = GraphIndex(result)
        for node in result.nodes where node.op.quantization == .keepsScale {
            let before = try #require(index.producer(of: node.input(0)))
            let after = try #require(index.consumers(of: node.output(0)).first)
            #expect(before.op is DequantizeLinear && after.op is QuantizeLinear)
            #expect(before.inputs.dropFirst().elementsEqual(after.inputs.dropFirst()))
        }
    }

    /// Elements that are chosen are codes still; what is made between them is none.
    @Test func nearestResizeKeepsTheScale() throws {
        let (nearest, linear) = (try resized(.nearest), try resized(.linear))
        #expect(nearest.keepsScale && !linear.keepsScale)
        // Executed, the pairs around it are gone.
        #expect(nearest.conversions == linear.conversions - 2)
    }

    private func resized(_ mode: Resampling.Mode) throws -> (keepsScale: Bool, conversions: Int) {
        let b = GraphBuilder("enlarged")
        var x = try b.input("x", .float32, ["N", 4, 5, 5])
        for (number, enlarges) in [true, false].enumerated() {
            x = try b.add(Relu(), b.add(Conv(stride: 1, padding: 1), x, b.constant("w\(number)", TestModels.normal([4, 4, 3, 3]))))
            guard enlarges else { continue }
            let scales = b.constant("scales", Tensor([Float(1), 1, 2, 2]))
            x = try b.add(Resize(Resampling(mode: mode)), inputs: [x, nil, scales])[0]
        }
        let graph = try b.graph(outputs: [x])
        let result = try quantized(graph).graph
        let index = GraphIndex(result)
        let node = try #require(result.nodes.first { $0.op is Resize })
        let (before, after) = (index.producer(of: node.input(0)), index.consumers(of: node.output(0)).first)
        let keepsScale = after?.op is QuantizeLinear && before?.inputs.dropFirst().elementsEqual(after?.inputs.dropFirst() ?? []) == true
        let plan = try Session(result).plan(for: ["x": [2, 4, 5, 5]])
        return (keepsScale, plan.steps.count { ["QuantizeLinear", "DequantizeLinear"].contains($0.operatorType) })
    }

    @Test func outputsStayFloatUnlessAsked() throws {
        let graph = try TestModels.perceptron()
        let plain = try quantized(graph).graph
        #expect(GraphIndex(plain).producer(of: plain.outputs[0])?.op is Gemm)
        let full = try quantized(graph, ["quantize-outputs": true]).graph
        #expect(GraphIndex(full).producer(of: full.outputs[0])?.op is DequantizeLinear)
        #expect(full.outputNames == graph.outputNames)
    }

    @Test func residualAdditionsBecomeIntegers() throws {
        let result = try quantized(FoldBatchNorm()(TestModels.residual()).graph).graph
        let index = GraphIndex(result)
        let add = try #require(result.node(named: "block.add"))
        for input in add.inputs { #expect(index.producer(of: input)?.op is DequantizeLinear) }
    }

    /// A step of an 8-bit output is 1/255 of its range; a few steps add up through three layers.
    @Test func outputsStayNear() throws {
        for graph in try TestModels.all {
            let folded = try FoldBatchNorm()(graph).graph
            let samples = try TestModels.dataset(for: graph, count: 64).features[0].tensor
            let exact = try TestModels.predictions(of: folded, on: samples).flatMap { $0 }
            let spread = (exact.max() ?? 0) - (exact.min() ?? 0)
            let result = try quantized(folded).graph
            let rounded = try TestModels.predictions(of: result, on: samples).flatMap { $0 }
            let worst = zip(exact, rounded).map { abs($0 - $1) }.max() ?? 0
            #expect(worst < 0.06 * spread, "\(graph.name): \(worst) of \(spread)")
        }
    }

    @Test func loweredRunsTheSameNumbers() throws {
        let graph = try quantized(TestModels.convolutional()).graph
        let samples = try TestModels.dataset(for: graph, count: 16).features[0].tensor
        let plain = try Session(graph, options: SessionOptions(lowers: false)).run(["image": samples])
        let lowered = try Session(graph).run(["image": samples])
        let name = graph.outputNames[0]
        for (a, b) in zip(plain[name]?.floats() ?? [], lowered[name]?.floats() ?? []) { #expect(abs(a - b) < 0.05) }
    }

    @Test func maskedWeightsStayZero() throws {
        let graph = try MagnitudePruning(hyperparameters: ["sparsity": 0.6, "keep-mask": true])(TestModels.perceptron())
            .graph
        let result = try quantized(graph).graph
        let codes = try #require(result.initializers["fc1.weight.codes"]).integers()
        let mask = try #require(graph.initializers["fc1.weight.mask"]).floats()
        #expect(zip(codes, mask).allSatisfy { $1 != 0 || $0 == 0 })
    }

    @Test func fewerBitsStayInt8() throws {
        let result = try quantized(TestModels.perceptron(), ["weight-bits": 5]).graph
        let codes = try #require(result.initializers["fc1.weight.codes"])
        #expect(codes.elementType == .int8 && codes.integers().map(abs).max() == 15)
    }

    @Test func layersCanBeKeptInFloat() throws {
        let graph = try TestModels.perceptron()
        let result = try quantized(graph, ["except": ["fc2"]])
        #expect(result.graph.initializers["fc2.weight"] == graph.initializers["fc2.weight"])
        #expect(result.graph.initializers["fc1.weight"] == nil)
    }
}
