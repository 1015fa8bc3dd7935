import Foundation
import Synchronization
import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTraining
@testable import WinnowPasses

struct DistillationTests {
    private func loss(_ student: Graph, teacher: Graph, alpha: Double, temperature: Double) throws -> Double {
        var context = PassContext()
        context.loadModel = { _ in teacher }
        let pass = try Distillation(hyperparameters: [
            "alpha": .number(alpha), "temperature": .number(temperature), "teacher": "teacher.onnx",
        ])
        var setup = TrainingSetup(student)
        setup.objective = try Loss.crossEntropy().attached(to: student)
        try pass.extendObjective(&setup, in: context)
        let objective = try #require(setup.objective)
        let data = try TestModels.dataset(for: student, count: 8)
        let plan = try Plan(
            objective.graph.lowered(), inputShapes: ["x": [8, 12], "labels": [8]])
        try plan.setInput("x", data.features[0].tensor)
        try plan.setInput("labels", Tensor((data.labels ?? []).map { Int64($0) }))
        try plan.execute()
        return Double(try #require(plan.output(objective.loss)).floats()[0])
    }

    private func softmax(_ scores: [Double]) -> [Double] {
        let top = scores.max() ?? 0
        let powers = scores.map { exp($0 - top) }
        return powers.map { $0 / powers.reduce(0, +) }
    }

    /// α·T²·KL + (1 − α)·CE, in float64.
    @Test(arguments: [1.0, 4, 10], [0.3, 0.7, 1])
    func equalsTheFormula(_ temperature: Double, _ alpha: Double) throws {
        let (student, teacher) = (try TestModels.perceptron(seed: 5), try TestModels.perceptron(seed: 6))
        let data = try TestModels.dataset(for: student, count: 8)
        let own = try TestModels.predictions(of: student, on: data.features[0].tensor).map { $0.map(Double.init) }
        let wanted = try TestModels.predictions(of: teacher, on: data.features[0].tensor).map { $0.map(Double.init) }
        var expected = 0.0
        for (index, label) in (data.labels ?? []).enumerated() {
            let (p, q) = (softmax(wanted[index].map { $0 / temperature }), softmax(own[index].map { $0 / temperature }))
            let divergence = zip(p, q).reduce(0) { $0 + $1.0 * log($1.0 / $1.1) }
            expected += alpha * temperature * temperature * divergence - (1 - alpha) * log(softmax(own[index])[label])
        }
        let value = try loss(student, teacher: teacher, alpha: alpha, temperature: temperature)
        #expect(abs(value - expected / 8) < 1e-4)
    }

    /// How good teacher and student are before is told by what epochs are told by, and not at all where nothing tells.
    @Test func teacherAndStudentAreJudgedBefore() throws {
        let (student, teacher) = (try TestModels.perceptron(seed: 5), try TestModels.perceptron(seed: 6))
        func findings(_ change: (inout PassContext) -> Void) throws -> [Finding] {
            var context = try TestModels.context(for: student)
            context.loadModel = { _ in teacher }
            change(&context)
            return try distilling(["teacher": "teacher.onnx"], student, in: context)
        }
        let validation = try #require(try TestModels.context(for: student).validation)
        func top1(_ graph: Graph) throws -> Double { try Evaluation(of: graph, on: validation).top1 }
        let told = try findings { _ in }
        #expect(try told == [
            Finding("teacher", .done, .validation("top-1"), after: top1(teacher)),
            Finding("student", .done, .validation("top-1"), after: top1(student), reason: "before training"),
        ])
        #expect(try findings { $0.validation = nil }.isEmpty)
        #expect(try findings { $0.training?.labels = nil; $0.validation?.labels = nil }.isEmpty)
        // An objective of another kind is told by its loss.
        let squares = try distilling(["teacher": "teacher.onnx"], student, in: TestModels.context(for: student), ["objective": ["mse"]], of: teacher)
        #expect(squares.isEmpty)
    }

    /// What is found of teacher and student by one epoch of training.
    private func distilling(
        _ values: [String: HyperparameterValue], _ student: Graph, in context: PassContext, _ settings: [String: HyperparameterValue] = [:],
        of teacher: Graph? = nil
    ) throws -> [Finding] {
        var context = context
        if let teacher { context.loadModel = { _ in teacher } }
        var pass = try Finetune(hyperparameters: settings)
        (pass.epochs, pass.with) = (1, [PassStep(try Distillation(hyperparameters: values))])
        let findings = try pass(student, in: context).findings
        return findings.filter { ["teacher", "student"].contains($0.subject) && $0.quantity != .parameters }
    }

    private final class Calls: Sendable {
        let count = Mutex(0)
    }

    /// Rounds, whose findings nobody sees, do not judge teacher and student anew; what stops judging them stops the run.
    @Test func teacherAndStudentAreJudgedOnce() throws {
        let graph = try TestModels.perceptron()
        var context = try TestModels.context(for: graph)
        let calls = Calls()
        context.judge = Judge("calls") { _, _, _ in
            calls.count.withLock { $0 += 1 }
            return 1
        }
        let finetune: HyperparameterValue = ["epochs": 1, "with": ["distillation"]]
        _ = try IterativePruning(hyperparameters: ["sparsities": [0.2, 0.4], "finetune": finetune])(graph, in: context)
        #expect(calls.count.withLock { $0 } == 5, "the dense model, and each of two rounds after its epoch and as a whole")
        context.judge = Judge("stopped") { _, _, _ in
            guard calls.count.withLock({ $0 += 1; return $0 }) > 6 else { throw WinnowError(.cancelled, "evaluation", "was stopped") }
            return 1
        }
        let error = #expect(throws: WinnowError.self) { try distilling([:], graph, in: context) }
        #expect(error?.kind == .cancelled)
    }

    @Test func aPerfectStudentLosesNothing() throws {
        let graph = try TestModels.perceptron()
        #expect(abs(try loss(graph, teacher: graph, alpha: 1, temperature: 10)) < 1e-6)
    }

    @Test func theTeacherLearnsNothing() throws {
        let graph = try TestModels.residual()
        let pass = try Distillation(hyperparameters: ["alpha": 0.5])
        var setup = TrainingSetup(graph)
        setup.objective = try Loss.crossEntropy().attached(to: graph)
        try pass.extendObjective(&setup, in: PassContext())
        let training = try TrainingGraph(try #require(setup.objective), frozen: setup.frozen)
        #expect(!training.parameters.contains { $0.hasPrefix("teacher/") })
        #expect(training.parameters.contains("stem.weight"))
        #expect(!training.variables.contains { $0.hasPrefix("teacher/") }, "statistics of the teacher stay as they are")
    }

    @Test func teacherAndStudentMustTakeTheSameInputs() throws {
        let graph = try TestModels.perceptron()
        #expect(throws: WinnowError.self) {
            try loss(graph, teacher: TestModels.convolutional(), alpha: 1, temperature: 1)
        }
    }

    /// A teacher of other pictures reads the student's: by another name, channels last, larger.
    @Test(arguments: [false, true]) func aTeacherReadsTheStudentsPictures(_ isLarger: Bool) throws {
        func classifier(_ input: ValueName, _ extents: [Extent], channels axis: Int) throws -> Graph {
            let b = GraphBuilder(input)
            let x = try b.input(input, .float32, extents)
            let first = axis == 1 ? x : try b.add(Transpose([0, 3, 1, 2]), x)
            let mean = try b.add(Flatten(), b.add(GlobalAveragePool(), b.add(Relu(), first)))
            return try b.graph(outputs: [b.linear(mean, b.constant("w", TestModels.normal([4, 3], seed: 3)), name: "scores")])
        }
        let student = try classifier("x", ["N", 3, 4, 4], channels: 1)
        let teacher = try Teacher(classifier("image", isLarger ? ["B", 7, 8, 3] : ["B", 4, 4, 3], channels: 3))
        let joined = try teacher.joined(to: student)
        let results = try Session(joined.graph).run(["x": TestModels.normal([2, 3, 4, 4], seed: 9)])
        let (own, goal) = (try #require(results["scores"]).floats(), try #require(results[joined.outputs[0]]).floats())
        // Means of what is resized are near those of what is not.
        #expect(zip(own, goal).allSatisfy { abs($0 - $1) < (isLarger ? 0.5 : 1e-5) } && own.count == 8)
    }

    /// Pictures and their pixels in a row are the same input.
    @Test(arguments: [false, true]) func picturesMayBeFlat(_ teacherIsFlat: Bool) throws {
        func classifier(isFlat: Bool) throws -> Graph {
            let b = GraphBuilder("classifier")
            let x = try b.input("x", .float32, isFlat ? ["N", 12] : ["B", 3, 2, 2])
            let pixels = isFlat ? x : try b.add(Flatten(), x)
            return try b.graph(outputs: [b.linear(pixels, b.constant("w", TestModels.normal([4, 12], seed: 3)), name: "scores")])
        }
        let joined = try Teacher(classifier(isFlat: teacherIsFlat)).joined(to: classifier(isFlat: !teacherIsFlat))
        let data = TestModels.normal(teacherIsFlat ? [2, 3, 2, 2] : [2, 12], seed: 9)
        let results = try Session(joined.graph).run(["x": data])
        #expect(try #require(results["scores"]).floats() == #require(results[joined.outputs[0]]).floats())
    }

    /// Branches of the teacher's read its own constants, whatever becomes of the student's.
    @Test(arguments: [true, false]) func bodiesOfATeacherReadItsConstants(_ condition: Bool) throws {
        func model(_ number: Float) throws -> Graph {
            let b = GraphBuilder("model")
            let x = try b.input("x", .float32, [2])
            let weight = b.constant("w", Tensor([number, number]))
            func branch(_ name: String, _ op: any Operator) throws -> Graph {
                try Graph(
                    name: name, inputs: [], outputs: ["z"], nodes: [Node(name: "\(name).op", op: op, inputs: [weight], outputs: ["z"])],
                    captures: [weight: ValueType(.float32, [2])])
            }
            let chosen = try b.add(If(then: branch("yes", Neg()), else: branch("no", Identity())), b.constant("c", Tensor([condition], shape: [])))
            return try b.graph(outputs: [b.add(Mul(), x, chosen)])
        }
        let student = try model(1)
        let joined = try Teacher(model(5)).joined(to: student)
        let results = try Session(joined.graph).run(["x": Tensor([Float(1), 2])])
        let sign: Float = condition ? -1 : 1
        #expect(try #require(results[student.outputs[0]]).floats() == [sign, 2 * sign])
        #expect(try #require(results[joined.outputs[0]]).floats() == [5 * sign, 10 * sign])
    }

    /// Each input of a teacher reads one of the student's own, or is asked for: not one twice, and no targets.
    @Test func teachersReadEachInputOnce() throws {
        func model(_ inputs: [(ValueName, ElementType)]) throws -> Graph {
            let b = GraphBuilder("model")
            let values = try inputs.map { name, type in
                let value = try b.input(name, type, ["N", 6])
                return type == .float32 ? value : try b.add(Cast(to: .float32), value)
            }
            let sum = try values.dropFirst().reduce(values[0]) { try b.add(Add(), $0, $1) }
            return try b.graph(outputs: [b.add(MatMul(), sum, b.constant("w", TestModels.normal([6, 3], seed: 1)))])
        }
        let student = try model([("wave", .float32), ("labels", .int64)])
        #expect(throws: WinnowError.self) { try Teacher(model([("a", .float32), ("b", .float32)])).joined(to: student, reading: ["wave"]) }
        #expect(throws: WinnowError.self) { try Teacher(model([("wave", .float32), ("speaker", .int64)])).joined(to: student, reading: ["wave"]) }
        let joined = try Teacher(model([("sound", .float32)])).joined(to: student, reading: ["wave"])
        #expect(joined.findings.map(\.reason) == ["its input sound reads wave"])
    }
}
