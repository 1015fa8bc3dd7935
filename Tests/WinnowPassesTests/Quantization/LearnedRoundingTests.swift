import Foundation
import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
import WinnowTraining
@testable import WinnowPasses

/// Training that learns which code is each weight's, while weights stay.
struct LearnedRoundingTests {
    private static let names = ["quantization-aware-training", "learned-step-quantization"]

    private static func prepared(
        _ name: String, _ settings: [String: HyperparameterValue], _ graph: Graph, _ context: PassContext
    ) throws -> (pass: any TrainingPass, setup: TrainingSetup) {
        let all = settings.merging(["rounding": "learned", "weights": "int4", "profile": "coreml"]) { own, _ in own }
        let pass = try #require(try PassStep(named: name, hyperparameters: all).pass as? any TrainingPass)
        var setup = TrainingSetup(graph)
        setup.model = try graph.maskingZeros()
        try pass.prepare(&setup, in: context)
        return (pass, setup)
    }

    private static func outputs(_ graph: Graph, _ context: PassContext, like original: Graph) throws -> [ValueName: Tensor] {
        try Session(graph, options: SessionOptions(lowers: false)).run(context.calibrationData(for: original).batch(at: Array(0..<16)))
    }

    /// Codes are the one below, or the one above where that was learned, by hand of weights and scales; pruned weights stay 0, and the
    /// file computes what was trained.
    @Test(arguments: names, ["int8", "int4", "int2"]) func whatWasTrainedIsWritten(_ name: String, _ weights: String) throws {
        for make in TestModels.makers {
            let graph = try MagnitudePruning(hyperparameters: ["sparsity": 0.3])(make()).graph
            let context = try TestModels.context(for: graph)
            let (pass, setup) = try Self.prepared(name, ["weights": .string(weights)], graph, context)
            let roundings = setup.model.learnedRoundings
            #expect(!roundings.isEmpty && Set(setup.options.keys).isSuperset(of: roundings.map(\.learned)))
            var random = RandomGenerator(seed: 3)
            let moved = try setup.model.settingInitializers(
                Dictionary(uniqueKeysWithValues: roundings.map { rounding in
                    let shape = try #require(setup.model.initializers[rounding.learned]).shape
                    return (rounding.learned, Tensor((0..<shape.elementCount).map { _ in random.normal() }, shape: shape))
                }))
            let written = try pass.finalize(moved, in: context).graph
            #expect(written.learnedRoundings.isEmpty && !written.nodes.contains { $0.op is LearnedRounding })
            for (node, learned) in moved.learnedRoundings {
                let op = try #require(node.op as? LearnedRounding)
                let weight = try #require(moved.constantValue(of: node.inputs[0]))
                let (scales, ups) = (try #require(moved.initializers[node.inputs[1]]).floats(), try #require(moved.initializers[learned]).floats())
                let axis = scales.count == 1 ? nil : op.scaleAxis.axis
                let inner = axis.map { weight.shape.dropFirst($0 + 1).reduce(1, *) } ?? 1
                let wanted = weight.floats().enumerated().map { index, value -> Int in
                    let step = axis == nil ? scales[0] : scales[index / inner % scales.count]
                    let code = value == 0 ? 0 : Int((value / step).rounded(.down)) + (ups[index] >= 0 ? 1 : 0)
                    return min(max(code, op.codes.lowerBound), op.codes.upperBound)
                }
                let codes = written.initializers.filter { $0.key.contains(".codes") && $0.value.shape == weight.shape }.values.map { $0.integers() }
                #expect(codes.contains(wanted), "\(graph.name) \(node.name)")
            }
            let (trained, stored) = try (Self.outputs(moved, context, like: graph), Self.outputs(written, context, like: graph))
            for (name, tensor) in trained { #expect(tensor.relativeError(of: try #require(stored[name])) < 1e-4) }
            try WrittenModels.keep(written, "passes", "\(name) learned rounding \(weights) \(graph.name)")
        }
    }

    /// Codes that are learned lie where the nearest do: between those of the convention, where scales follow max|w|, and else between all.
    @Test(arguments: names, ["int8", "int4", "int2"]) func codesLieWhereTheNearestDo(_ name: String, _ weights: String) throws {
        let type = try #require(ElementType(named: weights))
        let graph = try TestModels.perceptron()
        let context = try TestModels.context(for: graph)
        for convention in QuantizationConventions.all.prefix(2) {
            let settings: [String: HyperparameterValue] = ["weights": .string(weights), "convention": .string(convention.name)]
            let (pass, setup) = try Self.prepared(name, settings, graph, context)
            let all = try #require(type.integerRange)
            let wanted = name == "quantization-aware-training" ? convention.symmetricCodes(bits: type.bitWidth) : all
            let codes = setup.model.learnedRoundings.compactMap { ($0.node.op as? LearnedRounding)?.codes }
            #expect(codes.count == 3 && codes.allSatisfy { $0 == wanted }, "\(convention.name) \(codes)")
            var random = RandomGenerator(seed: 4)
            let moved = try setup.model.settingInitializers(
                Dictionary(uniqueKeysWithValues: setup.model.learnedRoundings.map { rounding in
                    let shape = try #require(setup.model.initializers[rounding.learned]).shape
                    return (rounding.learned, Tensor((0..<shape.elementCount).map { _ in random.normal() }, shape: shape))
                }))
            let nearest = try Self.prepared(name, settings.merging(["rounding": "nearest"]) { $1 }, graph, context)
            for written in [try pass.finalize(moved, in: context).graph, try nearest.pass.finalize(nearest.setup.model, in: context).graph] {
                let numbers = written.initializers.filter { $0.key.contains(".codes") && $0.value.rank > 1 }.flatMap { $0.value.integers() }
                #expect(!numbers.isEmpty && numbers.allSatisfy { wanted.contains($0) }, "\(convention.name)")
            }
        }
    }

    /// While training h = clip(1.2·σ(v) − 0.1, 0, 1), so that v gets dy · scale · 1.2·σ·(1 − σ) where neither h nor the code is at an end.
    @Test func partsAreSoftWhileTraining() throws {
        let (w, v, dy): ([Float], [Float], [Float]) = ([0.6, -1.3, 9, 0, 0.2], [0.4, -0.7, 0.1, 0.5, 6], [1, -2, 3, 4, 5])
        let b = GraphBuilder("soft")
        let inputs = [b.constant("w", Tensor(w)), b.constant("s", scalar: Float(0.5)), b.constant("v", Tensor(v))]
        let rounded = try b.add(LearnedRounding(-8...7, .int4), inputs: inputs)[0]
        let loss = try b.add(ReduceSum(keepsAxes: false), b.add(Mul(), rounded, b.input("dy", .float32, [5])))
        let graph = try b.graph(outputs: [loss, rounded])
        func run(_ graph: Graph, _ outputs: [ValueName]) throws -> [ValueName: Tensor] {
            var edit = GraphEdit()
            edit.outputs = outputs
            return try Session(graph.applying(edit)).run(["dy": Tensor(dy)])
        }
        #expect(try run(graph, [rounded])[rounded]?.floats() == [1, -1.5, 3.5, 0, 0.5])
        let training = try graph.trainingForm()
        let (joined, gradients) = try Differentiation.gradients(of: loss, withRespectTo: ["v"], in: training)
        let name = try #require(gradients["v"])
        let results = try run(joined, [rounded, name])
        let sigmas = v.map { 1 / (1 + exp(-$0)) }
        let soft = sigmas.map { min(max(1.2 * $0 - 0.1, 0), 1) }
        let wanted: [Float] = [0.5 * (1 + soft[0]), 0.5 * (-3 + soft[1]), 3.5, 0, 0.5]
        for (own, wanted) in zip(try #require(results[rounded]).floats(), wanted) { #expect(abs(own - wanted) < 1e-6) }
        let slopes: [Float] = (0..<5).map { $0 < 2 ? dy[$0] * 0.6 * sigmas[$0] * (1 - sigmas[$0]) : 0 }
        for (own, wanted) in zip(try #require(results[name]).floats(), slopes) { #expect(abs(own - wanted) < 1e-6) }
    }

    /// The push begins after a fifth of nine tenths of the run; then roundings are whole and stay, and only then may a state be the best.
    @Test func roundingsAreWholeInTheEnd() throws {
        var hook = RoundingHook(["v"], sharpness: "sharpness", pressure: "pressure", strength: 0.5)
        let store = VariableStore([
            "v": Tensor([0.1, -0.1] as [Float]), "sharpness": Tensor(scalar: Float(20)), "pressure": Tensor(scalar: Float(0)),
        ])
        var pressures: [Float] = []
        for step in 0...10 {
            var moment = TrainingMoment(step: step, stepsPerEpoch: 10, totalSteps: 10, variables: store)
            try hook.step(&moment)
            pressures.append(try #require(store["pressure"]).floats()[0])
            #expect(hook.isSettled == (step >= 9) && moment.frozen.contains("v") == (step >= 9))
        }
        #expect(pressures == [0, 0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0, 0])
        let b = GraphBuilder("looseness")
        let looseness = try b.roundingLooseness(b.constant("v", try #require(store["v"])), b.constant("sharpness", scalar: Float(2)))
        #expect(try #require(Session(b.graph(outputs: [looseness])).run([:]).values.first).floats()[0].magnitude < 1e-5)
    }

    /// Where nothing else is trained, the push lasts until the end, and as for a layer alone.
    @Test func roundingsAlonePushToTheEnd() throws {
        var hook = RoundingHook(sharpness: "sharpness", pressure: "pressure")
        let store = VariableStore(["sharpness": Tensor(scalar: Float(0)), "pressure": Tensor(scalar: Float(0))])
        for (step, wanted) in [(0, (0, 20)), (1, (0, 20)), (6, (10, 11)), (9, (10, 4.25))] as [(Int, (Float, Float))] {
            var moment = TrainingMoment(step: step, stepsPerEpoch: 10, totalSteps: 10, variables: store)
            try hook.step(&moment)
            #expect(hook.isSettled && moment.frozen.isEmpty && store["pressure"]?.floats() == [wanted.0])
            #expect(abs(try #require(store["sharpness"]).floats()[0] - wanted.1) < 1e-4)
        }
    }

    /// Weights stay, each has one of the two codes next to it, some are not the nearest, and the task is done no worse than by those.
    @Test(arguments: names) func roundingsAreTrained(_ name: String) throws {
        let graph = try TestModels.perceptron()
        let context = try TestModels.context(for: graph)
        func result(_ rate: Double) throws -> Graph {
            let pass: HyperparameterValue = [
                name: ["weights": "int4", "activations": "uint8", "profile": "coreml", "rounding": "learned", "rounding-rate": .number(rate)]
            ]
            let settings: [String: HyperparameterValue] = ["epochs": 8, "learning-rate": 0.005, "batch-size": 32, "with": [pass]]
            return try Finetune(hyperparameters: settings)(graph, in: context).graph
        }
        let (learned, nearest) = (try result(10), try result(0))
        var otherCount = 0
        for tensor in ["fc1.weight", "fc2.weight", "fc3.weight"] {
            let codes = try #require(learned.initializers["\(tensor).codes"])
            let scales = try #require(learned.initializers["\(tensor).scale"]).floats()
            #expect(codes.elementType == .int4 && learned.initializers["\(tensor).scale"] == nearest.initializers["\(tensor).scale"])
            let weight = try #require(graph.initializers[tensor])
            for (index, code) in codes.integers().enumerated() {
                let quotient = min(max(weight.floats()[index] / scales[index / weight.shape[1]], -8), 7)
                #expect(abs(Float(code) - quotient) < 1.0001)
            }
            otherCount += zip(codes.integers(), try #require(nearest.initializers["\(tensor).codes"]).integers()).count { $0 != $1 }
        }
        #expect(otherCount > 0)
        let data = try context.validationData(for: graph)
        #expect(try context.evaluate(learned, data) > (try context.evaluate(nearest, data)) - 0.1)
    }

    /// What makes weights zero cannot go along.
    @Test func nothingElseDecidesZeros() throws {
        let graph = try TestModels.perceptron()
        let passes: [HyperparameterValue] = [["quantization-aware-training": ["rounding": "learned"]], ["gradual-pruning": ["sparsity": 0.5]]]
        for order in [passes, passes.reversed()] {
            let error = #expect(throws: WinnowError.self) {
                try Finetune(hyperparameters: ["epochs": 1, "with": .list(order)])(graph, in: TestModels.context(for: graph))
            }
            #expect(error?.description.contains("keeps weights while it learns their rounding") == true)
        }
    }
}
