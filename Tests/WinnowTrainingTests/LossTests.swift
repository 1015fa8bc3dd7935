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

    /// Whatever softmax is spelled as and whatever hands it on, the loss is that of the logits.
    @Test(arguments: 0..<17) func closingFormsAreLeftOut(_ form: Int) throws {
        func objective(_ close: (GraphBuilder, ValueName) throws -> ValueName) throws -> Objective {
            let b = GraphBuilder("closed")
            let x = try b.input("x", .float32, ["N", 3])
            let scores = try b.add(Mul(), x, b.constant("w", Tensor([1, 2, 3] as [Float])), name: "scores")
            return try Loss.crossEntropy().attached(to: b.graph(outputs: [close(b, scores)]))
        }
        let closed = try objective { b, x in
            switch form {
            case 0: return try b.add(Transpose([1, 0]), b.add(Softmax(axis: 0), b.add(Transpose([1, 0]), x)))
            case 1:
                let bounds = [0, Int(Int32.max), 1].map { b.constant("bound", Tensor([Int64($0)])) }
                return try b.add(Slice(), b.add(Softmax(axis: 1), x), bounds[0], bounds[1], bounds[2])
            case 2: return try b.add(Cast(to: .float32), b.add(Softmax(axis: 1), b.add(Cast(to: .float16), x)))
            case 3:
                let e = try b.add(Exp(), b.add(Sub(), x, b.add(ReduceMax(axes: [1]), x)))
                return try b.add(Div(), e, b.add(ReduceSum(axes: [1]), e))
            case 4: return try b.add(Split(axis: 1, sizes: [3]), inputs: [b.add(Softmax(axis: 1), x)])[0]
            default: break
            }
            let p = try b.add(Softmax(axis: 1), x)
            switch form {
            case 5: return try b.add(Max(), p, b.constant("floor", scalar: Float(1e-7)))
            case 6: return try b.add(Add(), p, b.constant("shift", scalar: Float(1e-7)))
            case 7: return try b.add(Pow(), p, b.constant("one", scalar: Float(1)))
            case 8: return try b.add(Mul(), p, b.constant("percent", scalar: Float(100)))
            case 9: return try b.add(Mul(), b.constant("half", scalar: Float(0.5)), b.add(Add(), p, p))
            case 10: return try b.add(Gather(axis: 1), p, b.constant("all", Tensor([Int64(0), 1, 2])))
            case 11:
                let scale = b.constant("scale", scalar: Float(1.0 / 255))
                let zero = b.constant("zero", Tensor(scalar: UInt8(0)))
                return try b.add(DequantizeLinear(), b.add(QuantizeLinear(), p, scale, zero), scale, zero)
            case 12: return try b.add(Pad(), p, b.constant("pads", Tensor([Int64](repeating: 0, count: 4))))
            case 13:
                let bounds = [0, 1000, 0].map { b.constant("bound", Tensor([Int64($0)])) }
                return try b.add(Slice(), p, bounds[0], bounds[1], bounds[2])
            case 14:
                let steps = try b.add(Unsqueeze(), p, b.constant("axes", Tensor([Int64(1)])))
                return try b.add(Gather(axis: 1), steps, b.constant("last", Tensor(scalar: Int64(-1))))
            case 15:
                let half = try b.add(Softmax(axis: 1), b.add(Cast(to: .float16), x))
                return try b.add(Mul(), b.add(Cast(to: .float32), half), b.constant("percent", scalar: Float(100)))
            default:
                let places = try b.add(Unsqueeze(), p, b.constant("axes", Tensor([Int64(2), 3])))
                return try b.add(Flatten(), b.add(GlobalAveragePool(), places))
            }
        }
        let inputs = ["x": Tensor([1, -2, 0.5, 0, 2, -1] as [Float], shape: [2, 3]), "labels": Tensor([Int64(2), 0])]
        func loss(_ objective: Objective) throws -> Double {
            let names = Set(objective.graph.inputNames)
            let labels = try #require(objective.labels)
            let given = Dictionary(uniqueKeysWithValues: inputs.map { ($0 == "labels" ? labels : $0, $1) }).filter { names.contains($0.key) }
            return Double(try #require(try Session(objective.graph).run(given)[objective.loss]).floats()[0])
        }
        #expect(abs(try loss(closed) - loss(objective { $1 })) < 5e-3)
    }

    /// Numbers that change probabilities, or shapes that move their axes, leave none.
    @Test func whatChangesProbabilitiesIsNoneOfThem() throws {
        let b = GraphBuilder("changed")
        let p = try b.add(Softmax(axis: 1), b.input("x", .float32, ["N", 3]))
        let outputs = [
            try b.add(Max(), p, b.constant("nan", scalar: Float.nan)), try b.add(Max(), p, b.constant("half", scalar: Float(0.5))),
            try b.add(Mul(), p, b.constant("minus", scalar: Float(-1))), try b.add(Mul(), p, b.constant("cube", Tensor([Float(2)], shape: [1, 1, 1]))),
        ]
        let index = GraphIndex(try b.graph(outputs: outputs))
        for output in outputs { #expect(index.probabilities(of: output) == nil) }
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
