import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTraining

@Suite struct TrainingFormTests {
    /// x (N, 2) → BatchNormalization → Gemm to two classes; `isMarked` as a file of a model in training has it.
    private func normalized(isMarked: Bool = false) throws -> Graph {
        var random = Initialization(seed: 4)
        let b = GraphBuilder("normalized")
        let x = try b.input("x", .float32, ["N", 2])
        let ones = Tensor([1, 1] as [Float])
        let zeros = Tensor([0, 0] as [Float])
        let vectors = [("weight", ones), ("bias", zeros), ("mean", zeros), ("variance", ones)].map { b.constant("bn.\($0)", $1) }
        let h = try b.add(BatchNormalization(isMarkedTraining: isMarked), inputs: [x] + vectors, outputs: isMarked ? 3 : 1)[0]
        let y = try b.add(Gemm(transposesRight: true), h, b.constant("fc.weight", random.linear(inputs: 2, outputs: 2).weight))
        return try b.graph(outputs: [y])
    }

    /// Mean and unbiased variance of one of the two coordinates of 50 points.
    private func meanAndVariance(of points: [Float], _ axis: Int) -> (mean: Float, variance: Float) {
        let values = stride(from: axis, to: 100, by: 2).map { points[$0] }
        let mean = values.reduce(0, +) / 50
        return (mean, values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 49)
    }

    @Test func runningStatisticsFollowTheBatches() throws {
        let model = try normalized()
        var configuration = TrainingConfiguration(epochs: 3, batchSize: 50, learningRate: 0.01)
        configuration.keepsBest = false
        let data = try quadrants(count: 50)
        let result = try Trainer(model, configuration: configuration).train(on: data)
        #expect(Set(result.parameters) == ["bn.weight", "bn.bias", "fc.weight"])
        let points = try data.features[0].tensor.floats()
        let kept: Float = 0.9 * 0.9 * 0.9
        let mean = try #require(result.model.initializers["bn.mean"]).floats()
        let variance = try #require(result.model.initializers["bn.variance"]).floats()
        for axis in 0..<2 {
            let (average, spread) = meanAndVariance(of: points, axis)
            #expect(abs(mean[axis] - (1 - kept) * average) < 1e-5)
            #expect(abs(variance[axis] - (kept + (1 - kept) * spread)) < 1e-4 * spread)
        }
        #expect(result.model.nodes.map(\.op.type) == model.nodes.map(\.op.type))
    }

    /// What a file has in training trains as what it has at inference, and stays as the file has it.
    @Test func normalizationsOfFilesInTrainingTrain() throws {
        var configuration = TrainingConfiguration(epochs: 3, batchSize: 50, learningRate: 0.01)
        configuration.keepsBest = false
        let data = try quadrants(count: 100)
        let results = try [true, false].map { try Trainer(normalized(isMarked: $0), configuration: configuration).train(on: data) }
        #expect(results[0].parameters == results[1].parameters && results[0].obstacles.isEmpty)
        #expect(results[0].model.initializers == results[1].model.initializers)
        #expect(results[0].model.initializers["bn.mean"] != (try normalized()).initializers["bn.mean"])
        #expect(results[0].model.nodes.contains { ($0.op as? BatchNormalization)?.isMarkedTraining == true })
        // With statistics that stay, it still normalizes by the batch, and gradients pass.
        var frozen = try Trainer(normalized(isMarked: true), configuration: configuration)
        frozen.frozen = ["bn.mean", "bn.variance"]
        let kept = try frozen.train(on: data)
        for name in ["bn.weight", "bn.bias", "fc.weight"] {
            let (own, other) = (try #require(kept.model.initializers[name]), try #require(results[0].model.initializers[name]))
            #expect(zip(own.floats(), other.floats()).allSatisfy { abs($0 - $1) < 1e-4 }, "\(name)")
        }
        #expect(kept.model.initializers["bn.mean"] == (try normalized()).initializers["bn.mean"])
    }

    /// Running statistics that something reads are those that ONNX describes: the batch's variance is divided by the count.
    @Test func statisticsThatAreReadStayThoseOfTheFile() throws {
        let model = try normalized(isMarked: true)
        let node = try #require(model.nodes.first { $0.op is BatchNormalization })
        var edit = GraphEdit()
        edit.outputs = model.outputs + [node.outputs[2]]
        let forms = try [model, model.applying(edit)].map { try $0.trainingForm() }
        #expect(forms.map { $0.nodes.compactMap { ($0.op as? BatchNormalizationTraining)?.isUnbiased } } == [[true], [false]])
        #expect(forms[1].updates["bn.variance"] == node.outputs[2])
    }

    /// Each call of a layer that is met twice changes its statistics, one after the other.
    @Test func sharedStatisticsFollowEveryCall() throws {
        let b = GraphBuilder("shared")
        let x = try b.input("x", .float32, ["N", 2])
        let vectors = [("weight", 1), ("bias", 0), ("mean", 0), ("variance", 1)].map { name, value in
            b.constant("bn.\(name)", Tensor(repeating: Float(value), shape: [2]))
        }
        let first = try b.add(BatchNormalization(), inputs: [x] + vectors)[0]
        let second = try b.add(BatchNormalization(), inputs: [b.add(b.multiply(x, by: 2), number: 1)] + vectors)[0]
        let y = try b.add(MatMul(), b.add(first, b.square(second)), b.constant("w", Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])))
        let data = try quadrants(count: 50)
        var configuration = TrainingConfiguration(epochs: 1, batchSize: 50, learningRate: 0.01)
        configuration.keepsBest = false
        let result = try Trainer(b.graph(outputs: [y]), configuration: configuration).train(on: data)
        let points = try data.features[0].tensor.floats()
        let mean = try #require(result.model.initializers["bn.mean"]).floats()
        let variance = try #require(result.model.initializers["bn.variance"]).floats()
        for axis in 0..<2 {
            let (average, spread) = meanAndVariance(of: points, axis)
            #expect(abs(mean[axis] - (0.09 * average + 0.1 * (2 * average + 1))) < 1e-5)
            #expect(abs(variance[axis] - (0.81 + 0.09 * spread + 0.4 * spread)) < 1e-4)
        }
    }

    /// A normalization whose statistics are frozen uses them, and passes gradients on.
    @Test func frozenStatisticsStayAndAreUsed() throws {
        let model = try normalized()
        let objective = try Loss.crossEntropy().attached(to: model)
        let training = try TrainingGraph(objective, frozen: ["bn.mean", "bn.variance"])
        #expect(training.graph.updates.isEmpty && training.parameters == ["bn.weight", "bn.bias", "fc.weight"])
        #expect(training.graph.nodes.contains { $0.op is BatchNormalization })
        #expect(try TrainingGraph(objective, frozen: ["bn.mean"]).graph.updates.keys.sorted() == ["bn.variance"])
    }

    @Test func aStepCounterIsAddedOnceWhereRandomNumbersAreDrawn() throws {
        let b = GraphBuilder("dropout")
        let x = try b.input("x", .float32, ["N", 2])
        let w = b.constant("w", Tensor([1, 2, 3, 4] as [Float], shape: [2, 2]))
        let h = try b.add(Dropout(), b.add(Dropout(), x))
        let model = try b.graph(outputs: [b.add(MatMul(), h, w)])
        let training = try TrainingGraph(Loss.crossEntropy().attached(to: model))
        #expect(training.graph.updates.keys.contains(trainingStepName))
        #expect(training.graph.initializerNames.filter { $0 == trainingStepName }.count == 1)
        #expect(training.parameters == ["w"])
        #expect(training.variables == ["w", trainingStepName])
        #expect(!training.graph.nodes.contains { $0.op.type.name == "Dropout" })
        let plain = try TrainingGraph(Loss.crossEntropy().attached(to: perceptron(inputs: 2, hidden: 3, outputs: 2)))
        #expect(plain.graph.updates.isEmpty)
    }

    @Test func dropoutDrawsAnewAtEveryStepAndTheSameInEveryRun() throws {
        let b = GraphBuilder("dropout")
        let x = try b.input("x", .float32, ["N", 2])
        let w = b.constant("w", Tensor([1, -2, 3, 4] as [Float], shape: [2, 2]))
        let model = try b.graph(outputs: [b.add(MatMul(), b.add(Dropout(), x), w)])
        let configuration = TrainingConfiguration(epochs: 4, batchSize: 64, learningRate: 0, optimizer: .sgd())
        let first = try Trainer(model, configuration: configuration).train(on: quadrants(count: 64))
        let second = try Trainer(model, configuration: configuration).train(on: quadrants(count: 64))
        #expect(first.history == second.history)
        #expect(Set(first.history.map(\.loss)).count == 4)
        #expect(first.model.initializers == model.initializers)
    }

    @Test func weightsAreTrainedAndConstantsAreNot() throws {
        let b = GraphBuilder("roles")
        let x = try b.input("x", .float32, ["N", 2])
        let masked = try b.add(
            Mul(), b.constant("w", Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])),
            b.constant("w.mask", Tensor([1, 0, 1, 1] as [Float], shape: [2, 2])))
        let half = try b.add(Mul(), x, b.constant("half", scalar: Float(0.5)))
        let plain = try b.graph(outputs: [b.add(MatMul(), half, masked)])
        var masking = try #require(plain.nodes.first { $0.outputs == [masked] })
        masking.notes = .mask
        let model = try plain.applying(GraphEdit(replacing: [masking.name], with: [masking]))
        let objective = try Loss.crossEntropy().attached(to: model)
        #expect(try TrainingGraph(objective).parameters == ["w"])
        #expect(try TrainingGraph(objective).variables == ["w", "w.mask"])
        #expect(Set(try TrainingGraph(objective, trained: ["half"]).parameters) == ["w", "half"])
        #expect(throws: WinnowError.self) { try TrainingGraph(objective, frozen: ["w"]) }
    }

    /// What a file has among its nodes beside stored weights: not even weight decay moves it.
    @Test func constantsOfAFileAreNotTrained() throws {
        let b = GraphBuilder("constants")
        let x = try b.input("x", .float32, ["N", 2])
        let scaled = try b.multiply(x, b.constant("scale", Tensor([2] as [Float])))
        var model = try b.graph(outputs: [b.add(MatMul(), scaled, b.constant("w", Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])))])
        let configuration = TrainingConfiguration(epochs: 1, batchSize: 8, learningRate: 0.1, seed: 1)
        #expect(try Trainer(model, configuration: configuration).train(on: quadrants(count: 16)).parameters.sorted() == ["scale", "w"])
        model.metadata.valueNotes["scale", default: ValueNotes()].tensor.isConstant = true
        let result = try Trainer(model, configuration: configuration).train(on: quadrants(count: 16))
        #expect(result.parameters == ["w"] && result.model.initializers["scale"] == model.initializers["scale"])
    }
}
