import Foundation
import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
@testable import WinnowPasses

/// What holds for passes that move factors of channels from one layer into another.
struct EqualizationTests {
    static let passes: [@Sendable () throws -> any Pass] = [
        { CrossLayerEqualization() }, { try CrossLayerEqualization(hyperparameters: ["clips": "per-channel"]) }, { SmoothQuant() },
        { try SmoothQuant(hyperparameters: ["clips": "per-channel", "alpha": 0.9]) },
        { try CrossLayerEqualization(hyperparameters: ["absorb-biases": "data"]) }, { ActivationAwareScaling() },
    ]
    static let models: [@Sendable () throws -> Graph] = Zoo.all + TestModels.makers + [
        RoundingModels.grouped, { try ScaledModels.rectified() }, { try ScaledModels.clipped() }, { try ScaledModels.transformer() },
        { try FoldBatchNorm()(TestModels.residual()).graph }, { try ScaledModels.biased() },
    ]

    /// The model computes the same in float, also where files store equal vectors once, and where vectors are outputs too.
    @Test(arguments: passes.indices, models.indices)
    func outputsStay(_ pass: Int, _ model: Int) throws {
        let (make, makePass) = (Self.models[model], Self.passes[pass])
        let own = try makePass()
        for vectors in Zoo.Vectors.allCases {
            let graph = try Zoo.with(vectors, in: make())
            let result = try own(graph, in: Zoo.context(for: graph))
            let (before, after) = (try Zoo.outputs(of: graph, like: graph), try Zoo.outputs(of: result.graph, like: graph))
            for (name, tensor) in before where tensor.elementType != .float16 {
                let error = tensor.relativeError(of: try #require(after[name]).converted(to: .float32))
                #expect(error <= 1e-5, "\(graph.name), vectors \(vectors): \(name)")
            }
            try WrittenModels.keep(result.graph, "passes", "equalization \(pass) \(vectors) \(graph.name)")
        }
    }

    /// Through every activation that passes factors, with biases, taps, groups and Flatten, both weights of a channel end with one range.
    @Test func rangesMeet() throws {
        for (graph, count) in [(try ScaledModels.rectified(), 4), (try TestModels.convolutional(), 3), (try Zoo.scaling(), 3)] {
            let pairs = ScalableChannels.all(in: graph, replacesClips: false).found
            #expect(pairs.count == count, "\(graph.name): \(pairs.map(\.node.name))")
            let result = try CrossLayerEqualization()(graph).graph
            for channels in ScalableChannels.all(in: result, replacesClips: false).found {
                let (own, others) = channels.bothRanges(in: ChannelScaling(result))
                for (a, b) in zip(own, others) { #expect(abs(a / b - 1) < 0.01, "\(graph.name) \(channels.node.name) \(a) \(b)") }
            }
        }
    }

    /// What channels exceed over the data goes on to the layers behind: nothing of the data is cut off, and no channel exceeds more.
    @Test func biasesAreAbsorbed() throws {
        let graph = try ScaledModels.biased()
        let context = try Zoo.context(for: graph)
        let plain = try CrossLayerEqualization()(graph)
        let result = try CrossLayerEqualization(hyperparameters: ["absorb-biases": "data"])(graph, in: context)
        let data = try #require(context.calibration).batch(at: Array(0..<16))
        for (layer, isAbsorbed) in [("conv1", true), ("conv2", true), ("fc1", true), ("padded", false)] {
            let bias = try [plain.graph, result.graph].map { try #require($0.initializers["\(layer).bias"]).largestMagnitude }
            #expect(!isAbsorbed || bias[1] < 0.7 * bias[0], "\(layer): \(bias)")
            let values = try #require(Session(result.graph.applying(ScaledModels.observing(layer)), options: SessionOptions(lowers: false)).run(data)[layer])
            var minima = ChannelMinima(axis: 1)
            values.withElements(Float.self) { minima.add($0, shape: values.shape) }
            #expect(minima.minima.allSatisfy { abs($0) < 1e-3 } == isAbsorbed, "\(layer): \(minima.minima)")
        }
        #expect(result.findings.contains { $0.subject == "padded.bias" && $0.status == .skipped && $0.reason.contains("last pads with zeros") })
        let outputs = try (Session(graph).run(data), Session(result.graph).run(data))
        for (name, tensor) in outputs.0 { #expect(tensor.relativeError(of: try #require(outputs.1[name])) < 1e-5) }
    }

    /// c = max(0, β − 3|γ|) / s of the normalization that was folded: b₁ − c, b₂ + W₂·c.
    @Test func normalizationsTellWhatMayGo() throws {
        let graph = try ScaledModels.normalized()
        let folded = try FoldBatchNorm()(graph).graph
        var context = PassContext()
        context.teacher = graph
        let plain = try CrossLayerEqualization()(folded, in: context).graph
        let result = try CrossLayerEqualization(hyperparameters: ["absorb-biases": "normalizations"])(folded, in: context)
        func bias(_ graph: Graph, _ layer: String) throws -> [Float] {
            let node = try #require(graph.node(named: layer))
            return try #require(graph.initializers[node.input(2) ?? ""]).floats()
        }
        let (scale, shift) = (try #require(graph.initializers["gamma"]).doubles(), try #require(graph.initializers["beta"]).doubles())
        let factors = try zip(#require(folded.initializers["w1"]).floats().chunked(27), #require(plain.initializers["w1"]).floats().chunked(27))
            .map { Double($0[0] / $1[0]) }
        let taken = scale.indices.map { max(0, shift[$0] - 3 * abs(scale[$0])) / factors[$0] }
        #expect(taken.contains { $0 > 0 } && taken.contains(0))
        for (index, values) in try zip(bias(plain, "conv1"), bias(result.graph, "conv1")).enumerated() {
            #expect(abs(Double(values.0 - values.1) - taken[index]) < 1e-4)
        }
        let second = try #require(plain.initializers["w2"]).floats().chunked(8)
        for (index, values) in try zip(bias(plain, "conv2"), bias(result.graph, "conv2")).enumerated() {
            let sum = zip(second[index], taken).reduce(0) { $0 + Double($1.0) * $1.1 }
            #expect(abs(Double(values.1 - values.0) - sum) < 1e-3)
        }
        // Weights that changed since say nothing of what channels were divided by.
        let other = try CrossLayerEqualization(hyperparameters: ["absorb-biases": "normalizations"])(plain, in: context)
        #expect(other.findings.contains { $0.reason.contains("use absorb-biases data") })
        let without = try CrossLayerEqualization(hyperparameters: ["absorb-biases": "normalizations"])(folded)
        #expect(without.graph.initializers == plain.initializers && without.findings.contains { $0.reason.contains("no BatchNormalization") })
    }

    /// Convolutions that pad are changed at their borders alone, where that is asked for.
    @Test func paddedBordersChange() throws {
        let graph = try ScaledModels.biased()
        let context = try Zoo.context(for: graph)
        let settings: [String: HyperparameterValue] = ["absorb-biases": "data", "absorb-padded": true]
        let result = try CrossLayerEqualization(hyperparameters: settings)(graph, in: context).graph
        let data = try #require(context.calibration).batch(at: Array(0..<4))
        let (before, after) = try (Session(graph).run(data), Session(result).run(data))
        let (a, b) = (try #require(before["last"]).floats(), try #require(after["last"]).floats())
        let side = 4
        let inner = a.indices.filter { (1..<(side - 1)).contains($0 / side % side) && (1..<(side - 1)).contains($0 % side) }
        #expect(inner.allSatisfy { abs(a[$0] - b[$0]) < 1e-3 } && a.indices.contains { abs(a[$0] - b[$0]) > 0.01 })
    }

    /// Clip has one bound for all channels: refused by name, or replaced.
    @Test func clipsAreRefusedOrReplaced() throws {
        let graph = try ScaledModels.clipped()
        let refused = try CrossLayerEqualization()(graph)
        #expect(refused.graph.initializers == graph.initializers)
        #expect(refused.findings.contains { $0.status == .skipped && $0.reason.contains("clip1 (Clip)") })
        let replaced = try CrossLayerEqualization(hyperparameters: ["clips": "per-channel"])(graph).graph
        #expect(!replaced.nodes.contains { $0.op is Clip } && replaced.nodes.contains { $0.op is Min })
    }

    /// Channels with outliers cost an integer model less when part of them is in the weights.
    @Test(arguments: ["normalization", "layer"]) func outliersCostLess(_ kind: String) throws {
        let graph = try kind == "layer" ? ScaledModels.outlierLayer() : ScaledModels.transformer()
        let data = try Zoo.data(for: graph, count: 64)
        let context = PassContext(calibration: data)
        func error(_ model: Graph) throws -> Double {
            let settings: [String: HyperparameterValue] = ["output-sqnr": 0, "range": "min-max", "correct-biases": false]
            let quantized = try StaticQuantization(hyperparameters: settings)(model, in: context).graph
            let inputs = try data.batch(at: Array(0..<64))
            let output = graph.outputNames[0]
            return try #require(Session(graph).run(inputs)[output]).relativeError(of: #require(Session(quantized).run(inputs)[output]))
        }
        let smooth = try SmoothQuant()(graph, in: context)
        #expect(smooth.findings.contains { $0.quantity == .channelSpread && ($0.after ?? 9) < 0.8 * ($0.before ?? 0) })
        let errors = (try error(graph), try error(smooth.graph))
        #expect(errors.1 < 0.7 * errors.0, "\(errors)")
    }

    /// Scales of normalizations as ONNX Runtime writes them take the factors; the sum that one gives too stays as it is.
    @Test(arguments: [false, true]) func runtimeNormalizationsTakeFactors(_ addsSkip: Bool) throws {
        let graph = try ScaledModels.simplified(addsSkip: addsSkip)
        let context = PassContext(calibration: try Zoo.data(for: graph, count: 16))
        for pass in [SmoothQuant(), ActivationAwareScaling()] as [any Pass] {
            let result = try pass(graph, in: context)
            #expect(result.findings.contains { $0.subject == "out.weight" && $0.status == .done }, "\(result.findings)")
            #expect(result.graph.initializers["norm.scale"] != graph.initializers["norm.scale"])
            let (before, after) = (try Zoo.outputs(of: graph, like: graph), try Zoo.outputs(of: result.graph, like: graph))
            #expect(before.count == (addsSkip ? 2 : 1))
            for (name, tensor) in before { #expect(tensor.relativeError(of: try #require(after[name])) <= 1e-5, "\(name)") }
        }
    }

    /// s_j = max|x_j|^α / max|w_j|^(1−α), over all layers that read the value.
    @Test func factorsAreThePapers() throws {
        let graph = try ScaledModels.transformer()
        let context = PassContext(calibration: try Zoo.data(for: graph, count: 16))
        let result = try SmoothQuant(hyperparameters: ["alpha": 0.3])(graph, in: context).graph
        let x = try #require(Session(graph.applying(ScaledModels.observing("normalized"))).run(try Zoo.data(for: graph, count: 16).batch(at: Array(0..<16)))["normalized"])
        let weights = try ["query.weight", "key.weight"].map { try #require(graph.initializers[$0]).floats() }
        let (scale, smooth) = (try #require(graph.initializers["norm.scale"]).floats(), try #require(result.initializers["norm.scale"]).floats())
        for channel in 0..<8 {
            let peak = stride(from: channel, to: x.elementCount, by: 8).reduce(Float(0)) { max($0, x.floats()[$1].magnitude) }
            let weight = weights.flatMap { $0[(channel * 8)..<(channel * 8 + 8)] }.reduce(Float(0)) { max($0, $1.magnitude) }
            let wanted = Float(pow(Double(peak), 0.3) / pow(Double(weight), 0.7))
            #expect(abs(scale[channel] / smooth[channel] / wanted - 1) < 1e-4)
        }
    }

    /// A channel whose scale is next to nothing beside its shift is not divided by it.
    @Test(arguments: [.leastNonzeroMagnitude, 1e-38, 0] as [Float]) func tinyScalesAreLeft(_ scale: Float) throws {
        let b = GraphBuilder("tiny")
        var scales = TestModels.normal([8], seed: 1).floats().map { $0 * 4 }, shifts = TestModels.normal([8], seed: 2).floats()
        (scales[3], shifts[3]) = (scale, 40)
        let normal = try b.add(
            LayerNormalization(), b.input("x", .float32, ["N", 6, 8]), b.constant("scale", Tensor(scales)), b.constant("shift", Tensor(shifts)))
        let graph = try b.graph(outputs: [b.add(MatMul(), normal, b.constant("w", TestModels.normal([8, 5], seed: 3)))])
        let result = try OutlierSuppression()(graph)
        #expect(result.findings.contains { $0.status == .done })
        #expect(try StrangeWeights.distance(graph, result.graph, on: ["x": TestModels.normal([4, 6, 8], seed: 4)]) < 1e-5)
    }
}

/// Models whose channels differ in range.
enum ScaledModels {
    private static func weight(_ b: GraphBuilder, _ name: String, _ shape: Shape, spread axis: Int? = nil) -> ValueName {
        var tensor = TestModels.normal(shape, seed: UInt64(name.utf8.reduce(7) { $0 * 31 % 1009 + Int($1) }))
        if let axis { tensor = tensor.scaled(by: (0..<shape[axis]).map { pow(4, Double($0 % 4)) / 8 }, axis: axis) }
        return b.constant(name, tensor)
    }

    /// Conv, depthwise, Conv, Flatten and Gemm with PRelu, LeakyRelu, Relu, an added constant and pooling between.
    static func rectified() throws -> Graph {
        let b = GraphBuilder("rectified")
        var x = try b.input("x", .float32, ["N", 3, 6, 6])
        x = try b.conv(x, weight(b, "w1", [8, 3, 3, 3], spread: 0), weight(b, "b1", [8]), padding: 1, name: "conv1")
        x = try b.add(PRelu(), x, weight(b, "slopes", [8, 1, 1]), name: "prelu")
        x = try b.conv(x, weight(b, "w2", [8, 1, 3, 3], spread: 0), weight(b, "b2", [8]), padding: 1, groups: 8, name: "depthwise")
        x = try b.add(Add(), x, weight(b, "term", [8, 1, 1]), name: "add")
        x = try b.add(LeakyRelu(alpha: 0.2), x, name: "leaky")
        x = try b.conv(x, weight(b, "w3", [6, 8, 1, 1], spread: 1), name: "conv3")
        x = try b.add(Relu(), b.maxPool(x, size: 2, name: "pool"), name: "relu")
        x = try b.add(Flatten(), x, name: "flatten")
        x = try b.linear(x, weight(b, "w4", [10, 54]), weight(b, "b4", [10]), name: "fc1")
        return try b.graph(outputs: [b.linear(b.add(Relu(), x, name: "relu4"), weight(b, "w5", [4, 10], spread: 1), name: "fc2")])
    }

    /// Channels that are far above 0: before convolutions without and with padding, through pooling and Flatten.
    static func biased() throws -> Graph {
        func bias(_ b: GraphBuilder, _ name: String, _ count: Int, _ height: Float) -> ValueName {
            b.constant("\(name).bias", Tensor((0..<count).map { height + Float($0 % 3) }))
        }
        let b = GraphBuilder("biased")
        let x = try b.input("x", .float32, ["N", 3, 8, 8])
        var y = try b.add(Relu(), b.conv(x, weight(b, "w1", [8, 3, 3, 3]), bias(b, "conv1", 8, 20), name: "conv1"), name: "relu1")
        y = try b.add(Relu(), b.conv(y, weight(b, "w2", [8, 1, 3, 3]), bias(b, "conv2", 8, 60), groups: 8, name: "conv2"), name: "relu2")
        let padded = try b.add(Relu(), b.conv(y, weight(b, "w3", [4, 8, 1, 1]), bias(b, "padded", 4, 300), name: "padded"), name: "relu3")
        let last = try b.conv(padded, weight(b, "w4", [2, 4, 3, 3]), padding: 1, name: "last")
        y = try b.add(Flatten(), b.maxPool(x, size: 4, name: "pool"), name: "flatten")
        y = try b.add(Relu(), b.linear(y, weight(b, "w5", [6, 12]), bias(b, "fc1", 6, 20), name: "fc1"), name: "relu5")
        return try b.graph(outputs: [last, b.linear(y, weight(b, "w6", [3, 6]), name: "fc2")])
    }

    /// A normalization with high and low means between two convolutions.
    static func normalized() throws -> Graph {
        let b = GraphBuilder("normalized")
        let x = try b.input("x", .float32, ["N", 3, 6, 6])
        let first = try b.conv(x, weight(b, "w1", [8, 3, 3, 3], spread: 0), name: "conv1")
        let scale = Tensor((0..<8).map { 0.2 + 0.1 * Float($0) }), shift = Tensor((0..<8).map { Float($0) - 2 })
        let normalized = try b.add(
            BatchNormalization(),
            inputs: [
                first, b.constant("gamma", scale), b.constant("beta", shift), weight(b, "mean", [8]),
                b.constant("variance", Tensor((0..<8).map { 0.5 + Float($0) })),
            ], name: "norm")[0]
        let hidden = try b.add(Relu(), normalized, name: "relu")
        return try b.graph(outputs: [b.conv(hidden, weight(b, "w2", [4, 8, 1, 1]), weight(b, "b2", [4]), name: "conv2")])
    }

    static func clipped() throws -> Graph {
        let b = GraphBuilder("clipped")
        var x = try b.input("x", .float32, ["N", 3, 6, 6])
        x = try b.conv(x, weight(b, "w1", [8, 3, 3, 3], spread: 0), weight(b, "b1", [8]), padding: 1, name: "conv1")
        x = try b.clip(x, low: 0, high: 6, name: "clip1")
        x = try b.conv(x, weight(b, "w2", [8, 1, 3, 3], spread: 0), padding: 1, groups: 8, name: "depthwise")
        x = try b.clip(x, low: -1, high: 2, name: "clip2")
        return try b.graph(outputs: [b.conv(x, weight(b, "w3", [6, 8, 1, 1], spread: 1), name: "conv3")])
    }

    /// A normalization with outliers that two products read, one through Transpose, and a layer after an activation.
    static func transformer() throws -> Graph {
        let b = GraphBuilder("transformer")
        let x = try b.input("x", .float32, ["N", 5, 8])
        let scale = Tensor((0..<8).map { $0 == 3 ? Float(60) : 1 + 0.1 * Float($0) })
        let normalized = try b.add(
            LayerNormalization(), inputs: [x, b.constant("norm.scale", scale), weight(b, "norm.shift", [8])], name: "norm")[0]
        let named = try b.add(Identity(), normalized, name: "normalized")
        let query = try b.add(Add(), b.add(MatMul(), named, weight(b, "query.weight", [8, 8]), name: "query"), weight(b, "query.bias", [8]), name: "query.add")
        let key = try b.add(MatMul(), named, weight(b, "key.weight", [8, 8]), name: "key")
        let hidden = try b.add(Relu(), b.add(Sub(), query, key, name: "sub"), name: "relu")
        return try b.graph(outputs: [b.add(MatMul(), hidden, weight(b, "out.weight", [8, 4]), name: "out")])
    }

    /// A normalization with an outlier as ONNX Runtime writes it before a product, and with `addsSkip` the sum that it normalizes as an output.
    static func simplified(addsSkip: Bool) throws -> Graph {
        let b = GraphBuilder("simplified")
        let x = try b.input("x", .float32, ["N", 5, 8])
        let scale = b.constant("norm.scale", Tensor((0..<8).map { $0 == 3 ? Float(60) : 1 + 0.1 * Float($0) }))
        var outputs: [ValueName] = []
        var normalized = x
        if addsSkip {
            let results = try b.add(
                SkipSimplifiedLayerNormalization(), inputs: [x, b.add(Relu(), x), scale, weight(b, "bias", [8])], outputs: 4, name: "norm")
            (normalized, outputs) = (results[0], [try b.add(Sigmoid(), results[3], name: "sum")])
        } else {
            normalized = try b.add(SimplifiedLayerNormalization(), x, scale, name: "norm")
        }
        return try b.graph(outputs: [b.add(MatMul(), normalized, weight(b, "out.weight", [8, 4]), name: "out")] + outputs)
    }

    /// A layer one of whose outputs is far larger than the others.
    static func outlierLayer() throws -> Graph {
        let b = GraphBuilder("outliers")
        let first = TestModels.normal([16, 12], seed: 4).scaled(by: (0..<16).map { $0 == 5 ? 80 : 1 }, axis: 0)
        let x = try b.add(Relu(), b.linear(b.input("x", .float32, ["N", 12]), b.constant("w1", first), weight(b, "b1", [16]), name: "fc1"), name: "relu")
        let second = TestModels.normal([4, 16], seed: 9).scaled(by: (0..<16).map { $0 == 5 ? 0.01 : 1 }, axis: 1)
        return try b.graph(outputs: [b.linear(x, b.constant("w2", second), name: "fc2")])
    }

    static func observing(_ value: ValueName) -> GraphEdit {
        var edit = GraphEdit()
        edit.outputs = [value]
        return edit
    }
}

extension [Float] {
    fileprivate func chunked(_ size: Int) -> [[Float]] { stride(from: 0, to: count, by: size).map { Array(self[$0..<($0 + size)]) } }
}
