import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTraining

/// Numbers that are none, in losses, weights, samples and scores.
struct NotFiniteTests {
    private func configuration(epochs: Int) -> TrainingConfiguration {
        TrainingConfiguration(epochs: epochs, batchSize: 32, learningRate: 0.01, seed: 11)
    }

    @Test func aLossThatIsNotFiniteNamesStepAndParameter() throws {
        let configuration = TrainingConfiguration(
            epochs: 50, batchSize: 32, learningRate: 1e30, optimizer: .sgd(), schedule: Schedule(), seed: 11)
        let trainer = try Trainer(perceptron(inputs: 2, hidden: 8, outputs: 2), configuration: configuration)
        let error = #expect(throws: WinnowError.self) { try trainer.train(on: quadrants(count: 200)) }
        #expect(error?.kind == .numeric)
        #expect(error?.problem.contains("step") == true && error?.problem.contains("epoch 1") == true)
        #expect(error?.remedy.contains("lower the learning rate") == true)
    }

    /// Where no state has scores for a validation sample, none is the best, and the last one stays.
    @Test func statesWithoutScoresAreNotTheBest() throws {
        let nothing = Tensor([Float](repeating: .nan, count: 20), shape: [10, 2])
        let validation = try Dataset([.init(nothing)], labels: (0..<10).map { $0 % 2 })
        let trainer = try Trainer(perceptron(inputs: 2, hidden: 4, outputs: 2, activation: Tanh()), configuration: configuration(epochs: 3))
        let result = try trainer.train(on: quadrants(count: 64), validation: validation)
        #expect(result.epoch == 3 && result.history.allSatisfy { $0.validationTop1 == 0 })
    }

    /// Numbers that are none are found where they were given: in a weight, alone or beside others, or in a sample.
    @Test func tellsWhatWasNotFinite() throws {
        let model = try perceptron(inputs: 2, hidden: 4, outputs: 2, activation: Tanh())
        let data = try quadrants(count: 64)
        func spoilt(_ names: [String], _ value: Float) throws -> Graph {
            try model.settingInitializers(Dictionary(uniqueKeysWithValues: names.map { name in
                let own = try #require(model.initializers[name])
                return (name, Tensor([value] + own.floats().dropFirst(), shape: own.shape))
            }))
        }
        func message(_ model: Graph, _ data: Dataset) -> String {
            do { _ = try Trainer(model, configuration: configuration(epochs: 1)).train(on: data) } catch { return "\(error)" }
            return ""
        }
        for value in [Float.nan, .infinity] {
            let text = try message(spoilt(["fc2.weight"], value), data)
            #expect(text.contains("fc2.weight") && text.contains("1 \(value.isNaN ? "NaN" : "infinite") among 8 numbers"), "\(text)")
        }
        let all = model.initializerNames.filter { (model.initializers[$0]?.rank ?? 0) > 0 }
        #expect(try message(spoilt(all, .nan), data).contains("1 NaN among"))
        var points = try data.features[0].tensor.floats()
        points[2 * 17 + 1] = .nan
        let broken = try Dataset([.init(Tensor(points, shape: [64, 2]))], labels: data.labels)
        for model in try [model, perceptron(inputs: 2, hidden: 4, outputs: 2)] {
            #expect(message(model, broken).contains("sample 17: it is not finite: 1 NaN among 2 numbers"))
        }
    }
}
