import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTraining

private struct DistillationFixture: Decodable {
    struct Case: Decodable {
        var temperature: Double
        var beta: Double?
        var loss: Double
        var gradient: [Double]
    }
    var teacher: [Float]
    var student: [Float]
    var labels: [Int64]
    var cases: [Case]
    var decoupled: [Case]
}

@Suite struct LossTests {
    /// The loss of `student` and its gradient, for a loss built on two constants of shape (N, C).
    private func evaluate(
        _ student: [Float], shape: Shape, _ build: (GraphBuilder, ValueName) throws -> ValueName
    ) throws -> (loss: Double, gradient: [Float]) {
        let b = GraphBuilder("loss")
        let own = b.constant("student", Tensor(student, shape: shape))
        let loss = try build(b, own)
        let (graph, gradients) = try Differentiation.gradients(
            of: loss, withRespectTo: [own], in: b.graph(outputs: [loss]))
        var edit = GraphEdit()
        let gradient = try #require(gradients[own])
        edit.outputs = [loss, gradient]
        let outputs = try Session(graph.applying(edit), options: SessionOptions(lowers: false)).run([:])
        return (try #require(outputs[loss]).doubles()[0], try #require(outputs[gradient]).floats())
    }

    @Test func distillationEqualsTheFormulaAtEveryTemperature() throws {
        let fixture: DistillationFixture = try fixture("distillation")
        #expect(fixture.cases.count == 5)
        for example in fixture.cases {
            let (loss, gradient) = try evaluate(fixture.student, shape: [8, 10]) { b, student in
                try Loss.distillation(
                    b, student: student, teacher: b.constant("teacher", Tensor(fixture.teacher, shape: [8, 10])),
                    temperature: example.temperature)
            }
            #expect(abs(loss - example.loss) < 1e-6)
            for (own, wanted) in zip(gradient, example.gradient) { #expect(abs(Double(own) - wanted) < 2e-6) }
        }
    }

    @Test func decoupledDistillationEqualsItsAuthorsCode() throws {
        let fixture: DistillationFixture = try fixture("distillation")
        for example in fixture.decoupled {
            let (loss, gradient) = try evaluate(fixture.student, shape: [8, 10]) { b, student in
                try Loss.decoupledDistillation(
                    b, student: student, teacher: b.constant("teacher", Tensor(fixture.teacher, shape: [8, 10])),
                    labels: b.constant("labels", Tensor(fixture.labels)), temperature: example.temperature, beta: example.beta ?? 0)
            }
            #expect(abs(loss - example.loss) < 1e-5 * max(1, example.loss))
            for (own, wanted) in zip(gradient, example.gradient) { #expect(abs(Double(own) - wanted) < 1e-5) }
        }
    }

    @Test func aPerfectStudentHasNoDistillationLoss() throws {
        let logits: [Float] = [1, -2, 3, 0.5, 0, 9]
        for temperature in [1, 4, 20] as [Double] {
            let (loss, gradient) = try evaluate(logits, shape: [2, 3]) { b, student in
                try Loss.distillation(
                    b, student: student, teacher: b.constant("teacher", Tensor(logits, shape: [2, 3])),
                    temperature: temperature)
            }
            #expect(loss == 0)
            #expect(gradient.allSatisfy { abs($0) < 1e-6 })
        }
    }

    @Test func distillationStaysFiniteForHugeLogits() throws {
        let (loss, gradient) = try evaluate([1e4, -1e4, 0, -1e4, 1e4, 0], shape: [2, 3]) { b, student in
            let teacher = b.constant("teacher", Tensor([-1e4, 1e4, 0, 1e4, -1e4, 0] as [Float], shape: [2, 3]))
            return try Loss.distillation(b, student: student, teacher: teacher, temperature: 1)
        }
        #expect(loss.isFinite && loss > 1e4 && gradient.allSatisfy(\.isFinite))
    }

    @Test func labelSmoothingEqualsTorch() throws {
        // −(1−ε)·log p[label] − ε/C·Σ log p, by hand for one sample of two classes at p = (¼, ¾).
        let logits: [Float] = [0, 1.0986123]
        let (loss, gradient) = try evaluate(logits, shape: [1, 2]) { b, scores in
            try Loss.crossEntropy(b, scores: scores, labels: b.constant("labels", Tensor([Int64(1)])), smoothing: 0.2)
        }
        #expect(abs(loss - (0.9 * 0.2876820724 + 0.1 * 1.3862943611)) < 1e-6)
        #expect(abs(gradient[0] - (0.25 - 0.1)) < 1e-6 && abs(gradient[1] - (0.75 - 0.9)) < 1e-6)
    }

    @Test func aClosingSoftmaxBehindOthersIsLeftOut() throws {
        let b = GraphBuilder("softmax")
        let x = try b.input("x", .float32, ["N", 3, 1, 1])
        let scores = try b.add(Mul(), x, b.constant("w", Tensor([1, 2, 3] as [Float], shape: [3, 1, 1])))
        let model = try b.graph(outputs: [b.add(Identity(), b.add(Flatten(), b.add(Identity(), b.add(Softmax(axis: 1), scores))))])
        let objective = try Loss.crossEntropy().attached(to: model)
        let index = GraphIndex(objective.graph)
        let loss = try #require(index.producer(of: objective.loss))
        let flat = try #require(index.producer(of: loss.inputs[0]))
        #expect(flat.op is Flatten && flat.inputs[0] == scores)
    }

    @Test func aClosingSoftmaxIsLeftOut() throws {
        let b = GraphBuilder("softmax")
        let x = try b.input("x", .float32, ["N", 3])
        let scores = try b.add(Mul(), x, b.constant("w", Tensor([1, 2, 3] as [Float])))
        let model = try b.graph(outputs: [b.add(Softmax(axis: 1), scores)])
        let objective = try Loss.crossEntropy().attached(to: model)
        let loss = try #require(GraphIndex(objective.graph).producer(of: objective.loss))
        #expect(loss.inputs[0] == scores)
    }
}
