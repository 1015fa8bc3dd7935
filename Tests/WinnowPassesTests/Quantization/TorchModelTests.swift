import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTraining
@testable import WinnowPasses

/// Whole models as torch.ao.quantization quantizes, runs and trains them.
struct TorchModelTests {
    private static let torch: HyperparameterValue = "torch"

    /// A weight and a bias as the script fills them.
    private func layer(_ b: GraphBuilder, _ name: String, _ shape: Shape, start: Int, bias: Int) -> [ValueName] {
        [
            b.constant("\(name).weight", TorchQuantization.tensor(shape, start: start, divisor: 4)),
            b.constant("\(name).bias", TorchQuantization.tensor([shape[0]], start: bias, divisor: 4)),
        ]
    }

    /// nn.Linear's outputs, whose activations have 7 bits: within 10⁻⁵ of the largest.
    @Test(arguments: [false, true]) func dynamicLinearsAreTorchs(_ perChannel: Bool) throws {
        let b = GraphBuilder("linears")
        let first = layer(b, "fc1", [16, 24], start: 9, bias: 5012)
        let last = layer(b, "fc2", [10, 16], start: 10015, bias: 15018)
        let hidden = try b.add(Relu(), b.linear(b.input("x", .float32, ["N", 24]), first[0], first[1], name: "fc1"), name: "relu")
        let graph = try b.graph(outputs: [b.linear(hidden, last[0], last[1], name: "fc2")])
        let result = try DynamicQuantization(hyperparameters: ["convention": Self.torch, "per-channel": .bool(perChannel)])(graph).graph
        #expect(result.nodes.count { $0.op is MatMulInteger } == 2)
        let known = try #require(TorchQuantization.read().dynamic.first { $0.perChannel == perChannel })
        let inputs = (0..<4).map { TorchQuantization.tensor([6, 24], start: 300 + 977 * $0).floats() }
        let all: [[Float]] = inputs + [
            inputs[0].map(abs), inputs[1].map { -abs($0) }, inputs[2].map { $0 * 0x1p-14 }, inputs[3].map { $0 * 0 },
            inputs[3].map { $0 * 0x1p20 }, inputs[0].map { $0 + 9 },
        ]
        for options in [SessionOptions(), SessionOptions(lowers: false)] {
            let session = try Session(result, options: options)
            for (index, (input, wanted)) in zip(all, known.outputs).enumerated() {
                let own = try #require(session.run(["x": Tensor(input, shape: [6, 24])])[result.outputs[0]]).floats()
                let largest = wanted.map(abs).max() ?? 0
                for (a, b) in zip(own, wanted) { #expect(abs(a - b) <= 1e-5 * largest, "input \(index): \(a) \(b)") }
            }
        }
    }

    private func convolutional() throws -> Graph {
        let b = GraphBuilder("convolutional")
        let x = try b.input("x", .float32, ["N", 3, 8, 8])
        let parts = [
            layer(b, "conv1", [8, 3, 3, 3], start: 40, bias: 5043), layer(b, "conv2", [12, 8, 3, 3], start: 10046, bias: 15049),
            layer(b, "fc", [10, 108], start: 20052, bias: 25055),
        ]
        let first = try b.add(Relu(), b.conv(x, parts[0][0], parts[0][1], padding: 1, name: "conv1"), name: "relu1")
        let second = try b.add(Relu(), b.conv(first, parts[1][0], parts[1][1], stride: 2, name: "conv2"), name: "relu2")
        let flat = try b.add(Flatten(), second, name: "flat")
        return try b.graph(outputs: [b.linear(flat, parts[2][0], parts[2][1], name: "fc")])
    }

    /// A converted model's scales and zero points to 10⁻⁶, its codes of weights, and its outputs behind three layers within one code, 99.9 %
    /// the same where biases stay float as in torch.
    @Test(arguments: 0..<3, [("coreml", 0.999), ("onnxruntime", 0.96)]) func staticLayersAreTorchs(_ index: Int, _ profile: (String, Double)) throws {
        let known = try TorchQuantization.read().static[index]
        let graph = try convolutional()
        var pass = try StaticQuantization(hyperparameters: [
            "convention": Self.torch, "profile": .string(profile.0), "range": .string(known.range), "reduce-range": .bool(known.isReduced),
            "per-channel": .bool(known.perChannel), "output-sqnr": 0, "correct-biases": false, "quantize-outputs": true,
        ])
        pass.calibration.batchSize = 16
        let context = PassContext(calibration: try Dataset([.init(name: "x", TorchQuantization.tensor([16, 3, 8, 8], start: 70_000))]))
        let result = try pass(graph, in: context).graph
        func check(_ value: String, _ scale: UInt32, _ zero: Int) throws {
            let own = try #require(result.initializers["\(value).scale"]?.floats().first, "\(value)")
            let wanted = Float(bitPattern: scale)
            #expect(abs(own - wanted) <= 1e-6 * wanted, "\(value): \(own) \(wanted)")
            #expect(result.initializers["\(value).zero_point"]?.integers() == [zero], "\(value)")
        }
        try check("x", known.input.scale, known.input.zero)
        for (name, value) in [("conv1", "relu1"), ("conv2", "relu2"), ("fc", graph.outputs[0])] {
            let own = try #require(known.layers[name])
            try check(value, own.scale, own.zero)
            let codes = try #require(result.initializers["\(name).weight.codes"])
            #expect(TorchQuantization.hash(codes) == own.weights, "\(name)")
            #expect(result.initializers["\(name).weight.scale"]?.floats().map(\.bitPattern) == own.weightScales, "\(name)")
        }
        let last = try #require(known.layers["fc"])
        let outputs = try #require(Session(result).run(["x": TorchQuantization.tensor([64, 3, 8, 8], start: 170_000)])[result.outputs[0]])
        let own = outputs.floats().map { Int(($0 / Float(bitPattern: last.scale)).rounded()) + last.zero }
        #expect(own.count == known.codes.count && zip(own, known.codes).allSatisfy { abs($0 - $1) <= 1 })
        let same = zip(own, known.codes).count { $0 == $1 }
        #expect(Double(same) >= profile.1 * Double(own.count), "\(same) of \(own.count)")
    }

    /// Gradients of steps and data as torch's learnable fake quantization has them.
    @Test func learnedStepsAreTorchs() throws {
        let (x, dy) = (TorchQuantization.tensor([500], start: 90_000), TorchQuantization.tensor([500], start: 95_000))
        for known in try TorchQuantization.read().learnable {
            let b = GraphBuilder("step")
            let scale = b.constant("s", Tensor(scalar: Float(bitPattern: known.scale)))
            let zero = b.constant("z", Tensor([Double(known.zero)], shape: [], as: known.low < 0 ? .int8 : .uint8))
            let inputs = [try b.input("dy", .float32, [500]), try b.input("x", .float32, [500]), scale, zero]
            let outputs = try b.add(FakeQuantizeGradient(FakeQuantize(range: known.low...known.high)), inputs: inputs, outputs: 2)
            let found = try Session(b.graph(outputs: outputs)).run(["dy": dy, "x": x])
            let step = try #require(found[outputs[1]]).floats()[0]
            #expect(abs(step - known.step) <= 1e-5 * abs(known.step), "\(known): \(step)")
            #expect(TorchQuantization.hash(try #require(found[outputs[0]])) == known.data, "\(known)")
        }
    }

    /// Ten steps of torch.ao.nn.qat.Linear, ranges of activations frozen or moving: weights and biases within 10⁻⁵, scales, those of weights
    /// following a moving average, within 10⁻⁵ of their own.
    @Test(arguments: [true, false], [true, false]) func trainingIsTorchs(_ perChannel: Bool, _ moves: Bool) throws {
        let known = try #require(TorchQuantization.read().training.first { $0.perChannel == perChannel && $0.moves == moves })
        let b = GraphBuilder("linears")
        let first = layer(b, "fc1", [16, 12], start: 11, bias: 5011)
        let last = layer(b, "fc2", [5, 16], start: 1008, bias: 6008)
        let hidden = try b.add(Relu(), b.linear(b.input("x", .float32, ["N", 12]), first[0], first[1], name: "fc1"), name: "relu")
        let graph = try b.graph(outputs: [b.linear(hidden, last[0], last[1], name: "fc2")])
        var pass = try QuantizationAwareTraining(hyperparameters: [
            "convention": Self.torch, "range": "moving-average", "per-channel": .bool(perChannel), "moving-ranges": .bool(moves),
        ])
        pass.calibration.batchSize = 32
        let data = try Dataset(
            [.init(name: "x", TorchQuantization.tensor([32, 12], start: 60_000))], labels: (0..<32).map { $0 % 5 })
        var setup = TrainingSetup(graph)
        try pass.prepare(&setup, in: PassContext(calibration: data))
        let prepared = setup.model
        var configuration = TrainingConfiguration(epochs: 10, batchSize: 32, learningRate: 0.1, optimizer: .sgd())
        configuration.keepsBest = false
        var trainer = try Trainer(prepared, configuration: configuration)
        trainer.hooks = setup.hooks
        let trained = try trainer.train(on: data).model.settlingRanges()
        for (value, bits) in zip(["x", "relu"], known.activations) {
            let (own, wanted) = (try #require(trained.initializers["\(value).scale"]).floats()[0], Float(bitPattern: bits))
            #expect(abs(own - wanted) <= 1e-5 * wanted, "\(value): \(own) \(wanted)")
        }
        for (name, layer) in [("fc1", known.fc1), ("fc2", known.fc2)] {
            for (part, wanted) in [("weight", layer.weight), ("bias", layer.bias)] {
                let own = try #require(trained.initializers["\(name).\(part)"]).floats()
                #expect(own.count == wanted.count && zip(own, wanted).allSatisfy { abs($0 - $1) <= 1e-5 }, "\(name).\(part)")
            }
            let own = try #require(trained.initializers["\(name).weight.scale"]).floats()
            #expect(own.count == layer.scales.count && zip(own, layer.scales).allSatisfy { abs($0 - $1) <= 1e-5 * $1 }, "\(name)")
        }
    }
}
