import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTraining
@testable import WinnowPasses

/// Models of other floating-point types than float32, which are trained on float32 copies of their weights.
struct MasterWeightTests {
    static let types: [ElementType] = [.float16, .bfloat16, .float64]

    /// A perceptron that computes in `type` with weights rounded to `rounding`, some of them zero.
    ///
    /// - Parameter isWhole: whether inputs and outputs are of the type too.
    private func model(_ type: ElementType, rounding: ElementType, isWhole: Bool = false) throws -> Graph {
        func weight(_ shape: Shape, _ seed: UInt64) -> Tensor {
            var values = TestModels.normal(shape, seed: seed).floats().map { $0 / 3 }
            for index in values.indices where index % 5 == 0 && shape.rank > 1 { values[index] = 0 }
            return Tensor(values, shape: shape).converted(to: rounding).converted(to: type)
        }
        let b = GraphBuilder("typed")
        var x = try b.input("x", isWhole ? type : .float32, ["N", 12])
        if !isWhole, type != .float32 { x = try b.add(Cast(to: type), x) }
        x = try b.add(Relu(), b.linear(x, b.constant("w1", weight([16, 12], 1)), b.constant("b1", weight([16], 2)), name: "fc1"))
        x = try b.linear(x, b.constant("w2", weight([4, 16], 3)), b.constant("b2", weight([4], 4)), name: "fc2")
        if !isWhole, type != .float32 { x = try b.add(Cast(to: .float32), x) }
        return try b.graph(outputs: [x])
    }

    /// Whether numbers differ by no more than rounding to the type.
    private func isNear(_ own: Tensor, _ wanted: Tensor, _ type: ElementType) -> Bool {
        wanted.relativeError(of: own) < [.float16: 5e-4, .bfloat16: 4e-3, .float64: 1e-5][type] ?? 0
    }

    private func finetune(_ passes: [any TrainingPass] = []) -> Finetune {
        var pass = Finetune(carrying: passes)
        (pass.epochs, pass.batchSize, pass.keepBest, pass.learningRate) = (3, 32, false, 1e-2)
        return pass
    }

    /// The copy computes in float32 what the model computes, whatever makes numbers of its type; inputs stay what they are.
    @Test(arguments: types) func copiesComputeTheSame(_ type: ElementType) throws {
        let b = GraphBuilder("typed")
        let x = try b.input("x", type, ["N", 8])
        let product = try b.add(MatMul(), x, b.constant("w", TestModels.normal([8, 4]).converted(to: type)))
        let half = try b.add(
            ConstantOfShape(Tensor([0.5], shape: [1], as: type)), b.constant("shape", Tensor([4] as [Int64])))
        let graph = try b.graph(outputs: [b.add(Cast(to: type), b.add(Cast(to: .float32), b.add(Mul(), product, half)))])
        let wide = graph.takingMasterWeights()
        #expect(wide.inputs.map(\.type) == graph.inputs.map(\.type) && wide.outputs == graph.outputs)
        #expect(wide.initializers["w"]?.elementType == .float32 && wide.infos[wide.outputs[0]]?.elementType == .float32)
        let inputs = ["x": TestModels.normal([5, 8], seed: 3).converted(to: type)]
        let (before, after) = (try Session(graph).run(inputs).values.first, try Session(wide).run(inputs).values.first)
        #expect(try #require(after).relativeError(of: #require(before)) < (type == .bfloat16 ? 2e-2 : 2e-3))
        let same = try model(.float32, rounding: .float32)
        #expect(same.takingMasterWeights().text == same.text)
    }

    /// The result is that of the float32 twin, rounded once; zeros stay.
    @Test(arguments: types) func resultsAreThoseOfFloat32(_ type: ElementType) throws {
        let (own, twin) = (try model(type, rounding: type), try model(.float32, rounding: type))
        let context = try TestModels.context(for: twin, seed: 1)
        let (trained, wanted) = (try finetune()(own, in: context), try finetune()(twin, in: context))
        for name in ["w1", "b1", "w2", "b2"] {
            let (before, after) = (try #require(own.initializers[name]), try #require(trained.graph.initializers[name]))
            #expect(try isNear(after, #require(wanted.graph.initializers[name]), type), "\(name)")
            #expect(after.elementType == type && after != before)
            #expect(trained.findings.contains { $0.subject == name && $0.quantity == .relativeChange && $0.after ?? 0 > 0 })
            #expect(zip(before.doubles(), after.doubles()).allSatisfy { before.rank == 1 || $0 != 0 || $1 == 0 })
        }
        #expect(trained.graph.nodes.map(\.name) == own.nodes.map(\.name) && trained.graph.inputs.map(\.type) == own.inputs.map(\.type))
    }

    /// Inputs and outputs may be of the type too, with labels and without.
    @Test(arguments: types, [true, false]) func wholeModels(_ type: ElementType, _ isLabelled: Bool) throws {
        let (own, twin) = (try model(type, rounding: type, isWhole: true), try model(.float32, rounding: type))
        var context = try TestModels.context(for: twin, seed: 1)
        if !isLabelled {
            context.training?.labels = nil
            context.validation?.labels = nil
            context.teacher = try model(.float32, rounding: type == .bfloat16 ? .float16 : .bfloat16)
        }
        let result = try finetune()(own, in: context)
        #expect(result.graph.infos[result.graph.outputs[0]]?.elementType == type)
        for name in ["w1", "w2"] {
            #expect(result.graph.initializers[name]?.elementType == type && result.graph.initializers[name] != own.initializers[name])
        }
    }

    /// Integers are trained beside float32: they are those of the float32 twin; inputs and outputs keep their types.
    @Test(arguments: types, [
        (QuantizationAwareTraining.name, "nearest"), (QuantizationAwareTraining.name, "learned"), (LearnedStepQuantization.name, "nearest"),
    ])
    func integersAreThoseOfFloat32(_ type: ElementType, _ pair: (name: String, rounding: String)) throws {
        let (own, twin) = (try model(type, rounding: type), try model(.float32, rounding: type))
        let context = try TestModels.context(for: twin, seed: 1)
        let step = try PassStep(named: pair.name, hyperparameters: ["weights": "int4", "rounding": .string(pair.rounding)])
        let pass = try #require(step.pass as? any TrainingPass)
        let (trained, wanted) = (try finetune([pass])(own, in: context), try finetune([pass])(twin, in: context))
        func codes(_ graph: Graph) -> [Tensor] {
            graph.initializerNames.sorted().compactMap { graph.initializers[$0] }.filter { $0.elementType == .int4 && $0.rank == 2 }
        }
        #expect(codes(trained.graph) == codes(wanted.graph) && codes(wanted.graph).count == 2)
        #expect(trained.findings.contains { $0.subject == "graph" && $0.reason.hasPrefix("\(type) became float32") })
        #expect(!wanted.findings.contains { $0.reason.contains("became float32") })
        for isLabelled in [true, false] {
            var other = context
            if !isLabelled { other.training?.labels = nil }
            let whole = try finetune([pass])(model(type, rounding: type, isWhole: true), in: other).graph
            #expect(whole.inputs[0].type.elementType == type && whole.infos[whole.outputs[0]]?.elementType == type)
            #expect(codes(whole).count == 2 && !whole.initializers.values.contains { $0.elementType == type })
        }
    }

    /// What is only stored in another type, and computes in float32, stays stored so.
    @Test(arguments: [QuantizationAwareTraining.name, LearnedStepQuantization.name]) func storedHalvesStay(_ name: String) throws {
        let graph = try Zoo.widened()
        let step = try PassStep(named: name, hyperparameters: ["except": ["w2"]])
        let pass = try #require(step.pass as? any TrainingPass)
        let result = try finetune([pass])(graph, in: Zoo.context(for: graph))
        #expect(result.graph.initializers["w2"]?.elementType == .float16)
        #expect(!result.findings.contains { $0.reason.contains("became float32") })
    }

    /// Students learn from a teacher, and with what acts between steps.
    @Test(arguments: types) func students(_ type: ElementType) throws {
        let (own, twin) = (try model(type, rounding: type), try model(.float32, rounding: type))
        var context = try TestModels.context(for: twin, seed: 1)
        context.teacher = try model(.float32, rounding: .float32)
        let passes: [any TrainingPass] = [
            try Distillation(hyperparameters: ["alpha": 0.5]), try GradualPruning(hyperparameters: ["sparsity": 0.5, "interval": 2]),
            try RankRegularization(hyperparameters: ["strength": 0.1, "interval": 4]),
        ]
        let (trained, wanted) = (try finetune(passes)(own, in: context), try finetune(passes)(twin, in: context))
        for name in ["w1", "w2"] {
            let (after, goal) = (try #require(trained.graph.initializers[name]), try #require(wanted.graph.initializers[name]))
            #expect(after.elementType == type && after.zeroCount == goal.zeroCount, "\(name): \(after.zeroCount), \(goal.zeroCount) of \(goal.elementCount)")
            #expect(after.zeroCount >= after.elementCount / 2 - 1, "\(name): \(after.zeroCount) of \(after.elementCount)")
            #expect(isNear(after, goal, type), "\(name)")
        }
    }
}
