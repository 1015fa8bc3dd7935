import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTraining
@testable import WinnowPasses

/// Which outputs of a teacher guide which of a student, and which passes guide together.
struct TeacherOutputTests {
    /// Outputs of these names and widths on one layer.
    private func heads(_ outputs: KeyValuePairs<String, Int>, seed: UInt64) throws -> Graph {
        let b = GraphBuilder("heads")
        let x = try b.input("x", .float32, ["N", 12])
        let h = try b.add(Tanh(), b.linear(x, b.constant("fc", TestModels.normal([16, 12], seed: seed)), name: "fc"), name: "hidden")
        return try b.graph(outputs: outputs.enumerated().map { place, head in
            let weight = TestModels.normal([head.value, 16], seed: seed + UInt64(head.key.utf8.reduce(0) { $0 &+ Int($1) }))
            return try b.linear(h, b.constant("\(head.key).weight", weight), name: head.key)
        })
    }

    private func setup(_ student: Graph, _ teacher: Graph, imitates: Bool) throws -> TrainingSetup {
        var context = PassContext()
        context.loadModel = { _ in teacher }
        var setup = TrainingSetup(student)
        setup.objective = try imitates ? Imitation.objective(of: student, original: student).objective : Loss.crossEntropy().attached(to: student)
        setup.imitates = imitates
        try Distillation(hyperparameters: ["teacher": "t.onnx"]).extendObjective(&setup, in: context)
        return setup
    }

    private func loss(_ setup: TrainingSetup) throws -> Double {
        let objective = try #require(setup.objective)
        var edit = GraphEdit()
        edit.outputs = [objective.loss]
        var arrays = ["x": TestModels.normal([8, 12], seed: 4)]
        if let labels = objective.labels { arrays[labels] = Tensor((0..<8).map { Int64($0 % 3) }) }
        return try #require(try Session(objective.graph.applying(edit)).run(arrays)[objective.loss]).doubles()[0]
    }

    /// One name, wherever it stands; else one shape.
    @Test(arguments: [true, false]) func outputsOfOneNameBelongTogether(_ imitates: Bool) throws {
        let student = try heads(["y": 6], seed: 1)
        let alone = try loss(setup(student, heads(["y": 6], seed: 2), imitates: imitates))
        #expect(alone > 0.01)
        for teacher in [try heads(["aux": 6, "y": 6], seed: 2), try heads(["y": 6, "aux": 6], seed: 2)] {
            #expect(abs(try loss(setup(student, teacher, imitates: imitates)) - alone) < 1e-6)
        }
        let other = try setup(heads(["z": 6], seed: 1), heads(["aux": 9, "y": 6], seed: 2), imitates: imitates)
        #expect(other.findings.contains { $0.reason == "its output y teaches z" })
    }

    /// Without labels each output is taught; the loss is the sum of what each alone loses.
    @Test func everyOutputIsTaught() throws {
        let (student, teacher) = try (heads(["y": 6, "z": 4], seed: 1), heads(["z": 4, "y": 6], seed: 2))
        func part(_ name: String) throws -> Double {
            var edit = GraphEdit()
            edit.outputs = [name]
            return try loss(setup(student.applying(edit).removingDeadNodes(), teacher, imitates: true))
        }
        let both = try setup(student, teacher, imitates: true)
        #expect(abs(try loss(both) - part("y") - part("z")) < 1e-5)
        #expect(!both.findings.contains { $0.status == .skipped })
    }

    /// What no teacher guides is named: beside labels, or for want of an output of its shape.
    @Test func whatIsNotTaughtIsNamed() throws {
        let student = try heads(["y": 6, "z": 4], seed: 1)
        let labelled = try setup(student, heads(["y": 6, "z": 4], seed: 2), imitates: false)
        #expect(labelled.findings.contains { $0.subject == "z" && $0.status == .skipped && $0.reason.contains("first output, y") })
        let lacking = try setup(student, heads(["y": 6], seed: 2), imitates: true)
        #expect(lacking.findings.contains { $0.subject == "z" && $0.status == .skipped && $0.reason.contains("nothing of its shape") })
    }

    /// A head of one number has no classes: it is compared by its square.
    @Test func headsOfOneNumberAreTaught() throws {
        let (student, teacher) = try (heads(["y": 6, "z": 1], seed: 1), heads(["y": 6, "z": 1], seed: 2))
        let both = try loss(setup(student, teacher, imitates: true))
        let first = try loss(setup(student, heads(["y": 6], seed: 2), imitates: true))
        let x = ["x": TestModels.normal([8, 12], seed: 4)]
        let (own, wanted) = (try #require(Session(student).run(x)["z"]).doubles(), try #require(Session(teacher).run(x)["z"]).doubles())
        #expect(abs(both - first - zip(own, wanted).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / 8) < 1e-5)
    }

    private func finetune(_ passes: [any TrainingPass], _ graph: Graph) throws -> PassResult {
        var pass = Finetune(carrying: passes)
        (pass.epochs, pass.batchSize, pass.keepBest) = (1, 32, false)
        var context = try TestModels.context(for: graph)
        context.loadModel = { _ in try TestModels.perceptron(seed: 6) }
        return try pass(graph, in: context)
    }

    /// Two passes that say how much labels count are refused in either order, with what to do.
    @Test func blocksAndTeachersAreOneDecision() throws {
        let passes: [any TrainingPass] = [try Distillation(hyperparameters: ["teacher": "t"]), BlockDistillation()]
        for order in [passes, passes.reversed()] {
            let error = #expect(throws: WinnowError.self) { try finetune(order, TestModels.perceptron()) }
            #expect(error?.kind == .recipe && error?.remedy == "keep one of them")
        }
    }

    /// What other passes add counts beside it, whatever the order.
    @Test func theOrderOfPassesDoesNotMatter() throws {
        let weighing: [any TrainingPass] = [
            try Distillation(hyperparameters: ["teacher": "t"]), try Distillation(hyperparameters: ["teacher": "t", "alpha": 1.0]), BlockDistillation(),
        ]
        let adding: [any TrainingPass] = [
            try FeatureHint(hyperparameters: ["teacher": "t", "values": ["relu2"]]), try MutualLearning(hyperparameters: ["partner": "t"]),
            try SparseTraining(hyperparameters: ["of": "weights", "strength": 0.1]),
        ]
        let graph = try TestModels.perceptron()
        for first in weighing {
            let alone = try finetune([first], graph).graph
            for second in adding {
                let (one, other) = (try finetune([first, second], graph).graph, try finetune([second, first], graph).graph)
                #expect(one.initializers == other.initializers, "\(type(of: first).name) \(type(of: second).name)")
                #expect(one.initializers != alone.initializers, "\(type(of: first).name) \(type(of: second).name)")
            }
        }
    }
}
