import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
import WinnowTraining

@testable import WinnowPasses

struct BlockDistillationTests {
    private func context(for graph: Graph, teacher: Graph, count: Int = 64) throws -> PassContext {
        var context = try TestModels.context(for: graph, seed: 3)
        context.loadModel = { _ in teacher }
        return context
    }

    private func setup(_ student: Graph, _ teacher: Graph, _ values: [String: HyperparameterValue] = [:]) throws -> TrainingSetup {
        let pass = try BlockDistillation(hyperparameters: values.merging(["teacher": "t.onnx"]) { $1 })
        var setup = TrainingSetup(student)
        setup.objective = try Loss.crossEntropy().attached(to: student)
        try pass.extendObjective(&setup, in: context(for: student, teacher: teacher))
        return setup
    }

    private func loss(_ setup: TrainingSetup, _ data: Dataset) throws -> Double {
        let objective = try #require(setup.objective)
        let plan = try Plan(objective.graph.lowered(), inputShapes: [data.features[0].name: Shape([data.count] + (data.features[0].sampleShape(at: 0).extents)), "labels": [data.count]])
        try plan.setInput(data.features[0].name, data.features[0].tensor)
        try plan.setInput("labels", Tensor((data.labels ?? []).map { Int64($0) }))
        try plan.execute()
        return Double(try #require(plan.output(objective.loss)).floats()[0])
    }

    /// Each layer of a perceptron on what the teacher's layers before it give, in float64.
    @Test func equalsTheFormula() throws {
        let (student, teacher) = (try TestModels.perceptron(seed: 5), try TestModels.perceptron(seed: 6))
        let data = try TestModels.dataset(for: student, count: 8)
        let setup = try setup(student, teacher)
        let ends = setup.findings.filter { $0.reason.contains("teacher's") }.map(\.subject)
        #expect(ends.count >= 3 && ends.last == student.outputs[0])
        var edit = GraphEdit()
        edit.outputs = ends
        let wanted = try Session(teacher.applying(edit)).run(["x": data.features[0].tensor])
        var expected = 0.0
        for (place, end) in ends.enumerated() {
            // The student from the end before, given what the teacher has there.
            var own = try Session(student.applying(edit)).run(["x": data.features[0].tensor])
            if place > 0 {
                let given = try #require(wanted[ends[place - 1]])
                var cut = GraphEdit()
                cut.outputs = [end]
                cut.rewired[ends[place - 1]] = "given"
                cut.addedInputs = [GraphInput("given", ValueType(.float32, Shape(given.shape)))]
                own = try Session(student.applying(cut).removingDeadNodes()).run(["given": given, "x": data.features[0].tensor])
            }
            let pairs = zip(try #require(own[end]).doubles(), try #require(wanted[end]).doubles())
            expected += pairs.reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / Double(try #require(wanted[end]).elementCount) / Double(ends.count)
        }
        #expect(abs(try loss(setup, data) - expected) < 1e-4 * max(1, expected))
    }

    @Test func endsAreNamedInTheOrderOfTheData() throws {
        let graph = try TestModels.perceptron()
        let ends = try setup(graph, graph).findings.filter { $0.reason.contains("teacher's") }.map(\.subject)
        let (first, second) = (HyperparameterValue.string(ends[0]), HyperparameterValue.string(ends[1]))
        #expect(throws: Never.self) { try setup(graph, graph, ["values": .list([first, second])]) }
        for (values, words) in [([second, first], "which is computed from it"), ([first, first], "named twice")] {
            let error = #expect(throws: WinnowError.self) { try setup(graph, graph, ["values": .list(values)]) }
            #expect(error?.subject == "values" && error?.problem.contains(words) == true)
        }
        let error = #expect(throws: WinnowError.self) {
            try setup(graph, graph, ["values": .list([first, second]), "targets": .list([second, first])])
        }
        #expect(error?.subject == "targets")
    }

    @Test func aPerfectStudentLosesNothing() throws {
        for graph in [try TestModels.perceptron(), try TestModels.residual(), try TestModels.convolutional()] {
            #expect(abs(try loss(setup(graph, graph), TestModels.dataset(for: graph, count: 8))) < 1e-9, "\(graph.name)")
        }
    }

    /// A disturbed model comes back to its teacher without labels having any part in it.
    @Test func blocksComeBack() throws {
        let teacher = try TestModels.convolutional()
        var random = RandomGenerator(seed: 2)
        let disturbed = try teacher.settingInitializers(
            Dictionary(uniqueKeysWithValues: Set(teacher.weightSites.map(\.tensor)).map { name in
                let weight = try #require(teacher.initializers[name])
                return (name, Tensor(weight.floats().map { $0 + 0.05 * random.normal() }, shape: weight.shape))
            }))
        var context = try context(for: disturbed, teacher: teacher)
        let wrong = context.training?.labels.map { $0.map { 3 - $0 } }
        context.training?.labels = wrong
        var pass = Finetune(carrying: [try BlockDistillation(hyperparameters: ["teacher": "t.onnx"])])
        (pass.epochs, pass.batchSize, pass.keepBest) = (10, 16, false)
        let trained = try pass(disturbed, in: context).graph
        let (before, after) = (try TestModels.largestDifference(teacher, disturbed), try TestModels.largestDifference(teacher, trained))
        #expect(after < 0.7 * before, "\(before) \(after)")
    }

    @Test func whatDoesNotFitIsNamed() throws {
        let graph = try TestModels.convolutional()
        let error = #expect(throws: WinnowError.self) { try setup(graph, graph, ["values": ["nothing"]]) }
        #expect(error?.problem.contains("nothing") == true)
        #expect(throws: WinnowError.self) { try setup(graph, graph, ["values": [.string(graph.outputs[0])], "targets": [.string(graph.outputs[0]), "y"]]) }
    }
}

struct MutualLearningTests {
    /// The loss is that of both students and of what each says to the other; each gets a gradient of its own parts alone.
    @Test func bothLearn() throws {
        let (own, other) = (try TestModels.perceptron(seed: 5), try TestModels.perceptron(seed: 6))
        let data = try TestModels.dataset(for: own, count: 8)
        var context = try TestModels.context(for: own)
        context.loadModel = { _ in other }
        var setup = TrainingSetup(own)
        setup.objective = try Loss.crossEntropy().attached(to: own)
        let pass = try MutualLearning(hyperparameters: ["partner": "p.onnx", "weight": 0.5, "temperature": 2.0])
        try pass.extendObjective(&setup, in: context)
        let objective = try #require(setup.objective)
        #expect(setup.frozen.isEmpty)
        let names = own.weightTensors
        let training = try TrainingGraph(objective)
        #expect(training.parameters.count == 2 * own.trainableInitializers().count && Set(names).isSubset(of: Set(training.parameters)))
        func value(_ graph: Graph, _ loss: ValueName) throws -> Double {
            let plan = try Plan(graph.lowered(), inputShapes: ["x": [8, 12], "labels": [8]])
            try plan.setInput("x", data.features[0].tensor)
            try plan.setInput("labels", Tensor((data.labels ?? []).map { Int64($0) }))
            try plan.execute()
            return Double(try #require(plan.output(loss)).floats()[0])
        }
        func distilled(_ student: Graph, _ teacher: Graph) throws -> Double {
            var context = PassContext()
            context.loadModel = { _ in teacher }
            var setup = TrainingSetup(student)
            setup.objective = try Loss.crossEntropy().attached(to: student)
            try Distillation(hyperparameters: ["alpha": 1.0, "temperature": 2.0, "teacher": "t"]).extendObjective(&setup, in: context)
            return try value(try #require(setup.objective).graph, try #require(setup.objective).loss)
        }
        let plain = try [own, other].map { try value(Loss.crossEntropy().attached(to: $0).graph, Loss.crossEntropy().attached(to: $0).loss) }
        let expected = try plain[0] + plain[1] + 0.5 * (distilled(own, other) + distilled(other, own))
        #expect(abs(try value(objective.graph, objective.loss) - expected) < 1e-4)
    }

    @Test func thePartnerIsNoPartOfTheResult() throws {
        for graph in [try TestModels.residual(), try TestModels.convolutional()] {
            let context = try TestModels.context(for: graph, seed: 4)
            var pass = Finetune(carrying: [MutualLearning()])
            (pass.epochs, pass.batchSize) = (2, 32)
            let result = try pass(graph, in: context)
            #expect(Set(result.graph.initializers.keys) == Set(graph.initializers.keys) && result.graph.initializers != graph.initializers)
            #expect(result.findings.contains { $0.subject == "partner" })
            try WrittenModels.keep(result.graph, "passes", "mutual-learning \(graph.name)")
        }
    }
}
