import Synchronization
import Testing
import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTestSupport
import WinnowTraining

@Suite struct TrainerTests {
    private func configuration(epochs: Int = 6, _ optimizer: OptimizerConfiguration = .adam()) -> TrainingConfiguration {
        TrainingConfiguration(
            epochs: epochs, batchSize: 32, learningRate: 0.01, optimizer: optimizer,
            schedule: Schedule(.cosine, warmupEpochs: 1), seed: 11)
    }

    private func parameters(_ result: TrainingResult) -> [ValueName: Tensor] {
        result.model.initializers.filter { result.parameters.contains($0.key) }
    }

    @Test(arguments: [OptimizerConfiguration.adam(), .sgd(momentum: 0.9, nesterov: true), .adamW()])
    func learnsWhatNoLineSeparates(optimizer: OptimizerConfiguration) throws {
        var configuration = configuration(epochs: 40, optimizer)
        configuration.learningRate = optimizer.rule == .sgd ? 0.1 : 0.02
        let trainer = try Trainer(perceptron(inputs: 2, hidden: 16, outputs: 2), configuration: configuration)
        let result = try trainer.train(on: quadrants(count: 500))
        let evaluation = try Evaluation(of: result.model, on: quadrants(count: 300, seed: 6))
        #expect(evaluation.top1 > 0.95)
        #expect(result.history.count == 40)
        #expect(result.history[39].loss < 0.2 * result.history[0].loss)
    }

    @Test func givesBackTheModelItGot() throws {
        let model = try perceptron(inputs: 2, hidden: 4, outputs: 2)
        let result = try Trainer(model, configuration: configuration(epochs: 1)).train(on: quadrants(count: 64))
        #expect(result.model.initializerNames == model.initializerNames)
        #expect(result.model.nodes.map(\.name) == model.nodes.map(\.name))
        #expect(Set(result.parameters) == Set(model.initializerNames))
        #expect(result.model.initializers != model.initializers)
    }

    @Test func sameSeedGivesTheSameBytesAndAnotherSeedOthers() throws {
        let model = try perceptron(inputs: 2, hidden: 8, outputs: 2)
        let data = try quadrants(count: 100)
        var other = configuration()
        other.seed = 12
        let first = try Trainer(model, configuration: configuration()).train(on: data)
        let second = try Trainer(model, configuration: configuration()).train(on: data)
        let third = try Trainer(model, configuration: other).train(on: data)
        #expect(parameters(first) == parameters(second))
        #expect(first.history == second.history)
        #expect(parameters(first) != parameters(third))
    }

    /// Stops the run after each possible step in turn; every continuation must end where the whole run ends.
    @Test(arguments: 0..<12) func resumesToTheSameBytes(stop: Int) throws {
        let model = try perceptron(inputs: 2, hidden: 4, outputs: 2)
        let (data, validation) = (try quadrants(count: 100), try quadrants(count: 50, seed: 9))
        let whole = try Trainer(model, configuration: configuration(epochs: 3)).train(on: data, validation: validation)
        let store = MemoryCheckpointStore()
        let cancellation = Cancellation()
        var trainer = try Trainer(model, configuration: configuration(epochs: 3))
        trainer.state = RunState(in: store)
        trainer.cancellation = cancellation
        trainer.hooks = [StopHook(step: stop, cancellation: cancellation)]
        let error = #expect(throws: WinnowError.self) { try trainer.train(on: data, validation: validation) }
        #expect(error?.kind == .cancelled)
        #expect(store.checkpoints[""] != nil)
        trainer.cancellation = nil
        let resumed = try trainer.train(on: data, validation: validation)
        #expect(parameters(resumed) == parameters(whole))
        #expect(resumed.history == whole.history && resumed.epoch == whole.epoch)
    }

    @Test func aFinishedCheckpointIsTheResult() throws {
        let store = MemoryCheckpointStore()
        var trainer = try Trainer(perceptron(inputs: 2, hidden: 4, outputs: 2), configuration: configuration(epochs: 2))
        trainer.state = RunState(in: store)
        let data = try quadrants(count: 64)
        let first = try trainer.train(on: data)
        let saves = store.saveCount
        let second = try trainer.train(on: data)
        #expect(parameters(first) == parameters(second) && store.saveCount == saves)
    }

    @Test func aCheckpointOfAnotherRunIsRefused() throws {
        let store = MemoryCheckpointStore()
        var trainer = try Trainer(perceptron(inputs: 2, hidden: 4, outputs: 2), configuration: configuration(epochs: 1))
        trainer.state = RunState(in: store)
        _ = try trainer.train(on: quadrants(count: 64))
        trainer.configuration.learningRate = 0.5
        let error = #expect(throws: WinnowError.self) { try trainer.train(on: quadrants(count: 64)) }
        #expect(error?.kind == .data)
        trainer.configuration.learningRate = 0.01
        trainer.options.arithmetic = .bfloat16
        #expect(throws: WinnowError.self) { try trainer.train(on: quadrants(count: 64)) }
        trainer.options.arithmetic = .fast
        // As many samples with other contents are another run too.
        #expect(throws: WinnowError.self) { try trainer.train(on: quadrants(count: 64, seed: 77)) }
        trainer.model = try perceptron(inputs: 2, hidden: 4, outputs: 2, seed: 2)
        trainer.objective = try Loss.crossEntropy().attached(to: trainer.model)
        #expect(throws: WinnowError.self) { try trainer.train(on: quadrants(count: 64)) }
    }

    @Test(arguments: ["variable/fc1.weight", "best/fc1.weight", "optimizer/0/fc1.weight"])
    func aCheckpointOfOtherShapesIsRefused(name: String) throws {
        let store = MemoryCheckpointStore()
        var trainer = try Trainer(perceptron(inputs: 2, hidden: 4, outputs: 2), configuration: configuration(epochs: 1))
        trainer.state = RunState(in: store)
        let data = try quadrants(count: 64)
        _ = try trainer.train(on: data, validation: data)
        for shape in [[2, 4], [8], [4]] as [Shape] {
            store.checkpoints[""]?.tensors[name] = Tensor(zeros: shape)
            #expect(throws: WinnowError.self, "\(shape)") { try trainer.train(on: data, validation: data) }
        }
        store.checkpoints[""]?.tensors[name] = Tensor(zeros: [4, 2], .float64)
        #expect(throws: WinnowError.self) { try trainer.train(on: data, validation: data) }
    }

    @Test func keepsTheEpochThatValidatesBest() throws {
        var configuration = configuration(epochs: 8)
        configuration.learningRate = 0.05
        let validation = try quadrants(count: 200, seed: 8)
        let trainer = try Trainer(perceptron(inputs: 2, hidden: 8, outputs: 2), configuration: configuration)
        let result = try trainer.train(on: quadrants(count: 200), validation: validation)
        let best = try #require(result.history.compactMap(\.validationTop1).max())
        #expect(result.history[result.epoch - 1].validationTop1 == best)
        #expect(try Evaluation(of: result.model, on: validation).top1 == best)
    }

    @Test func frozenParametersKeepTheirBytes() throws {
        let model = try perceptron(inputs: 2, hidden: 8, outputs: 2)
        var trainer = try Trainer(model, configuration: configuration(epochs: 2))
        trainer.frozen = ["fc1.weight"]
        let result = try trainer.train(on: quadrants(count: 64))
        #expect(result.model.initializers["fc1.weight"] == model.initializers["fc1.weight"])
        #expect(result.model.initializers["fc1.bias"] != model.initializers["fc1.bias"])
    }

    @Test func weightsUnderAMaskStayExactlyZero() throws {
        let model = try perceptron(inputs: 2, hidden: 8, outputs: 2)
        let mask = Tensor((0..<16).map { Float($0 % 3 == 0 ? 0 : 1) }, shape: [8, 2])
        var edit = GraphEdit()
        edit.initializers = [("fc1.weight.mask", mask)]
        edit.rewired = ["fc1.weight": "fc1.weight.masked"]
        edit.addedNodes = [
            Node(name: "masking", op: Mul(), inputs: ["fc1.weight", "fc1.weight.mask"], outputs: ["fc1.weight.masked"],
                notes: .mask)
        ]
        let masked = try model.applying(edit)
        let result = try Trainer(masked, configuration: configuration(epochs: 3, .sgd(momentum: 0.9)))
            .train(on: quadrants(count: 100))
        #expect(result.model.initializers["fc1.weight.mask"] == mask)
        let before = try #require(masked.initializers["fc1.weight"]).floats()
        let after = try #require(result.model.initializers["fc1.weight"]).floats()
        for index in stride(from: 0, to: 16, by: 3) { #expect(before[index] == after[index]) }
        #expect(zip(before, after).filter { $0 != $1 }.count >= 8)
    }

    @Test func aHookTightensAMaskBetweenSteps() throws {
        let model = try perceptron(inputs: 2, hidden: 8, outputs: 2)
        var edit = GraphEdit()
        edit.initializers = [("fc1.weight.mask", Tensor(repeating: Float(1), shape: [8, 2]))]
        edit.rewired = ["fc1.weight": "fc1.weight.masked"]
        edit.addedNodes = [
            Node(name: "masking", op: Mul(), inputs: ["fc1.weight", "fc1.weight.mask"], outputs: ["fc1.weight.masked"],
                notes: .mask)
        ]
        var trainer = try Trainer(model.applying(edit), configuration: configuration(epochs: 2))
        trainer.hooks = [TighteningHook()]
        let result = try trainer.train(on: quadrants(count: 96))
        #expect(result.model.initializers["fc1.weight.mask"]?.floats().filter { $0 == 0 }.count == 6)
    }

    @Test func smallerLastBatchIsTakenOrDropped() throws {
        let model = try perceptron(inputs: 2, hidden: 4, outputs: 2)
        for (drops, steps) in [(false, 4), (true, 3)] {
            var configuration = configuration(epochs: 1)
            configuration.dropsLastBatch = drops
            var trainer = try Trainer(model, configuration: configuration)
            let seen = StepCounter()
            trainer.progress = { seen.note($0) }
            _ = try trainer.train(on: quadrants(count: 100))
            #expect(seen.total.load(ordering: .relaxed) == steps)
        }
    }

    @Test func dataThatDoesNotFitIsNamed() throws {
        let trainer = try Trainer(perceptron(inputs: 3, hidden: 4, outputs: 2), configuration: configuration(epochs: 1))
        #expect(throws: WinnowError.self) { try trainer.train(on: quadrants(count: 64)) }
        let unlabelled = try Dataset([.init(Tensor(zeros: [4, 3]))])
        #expect(throws: WinnowError.self) { try trainer.train(on: unlabelled) }
        #expect(throws: WinnowError.self) { try trainer.train(on: Dataset([.init(Tensor(zeros: [0, 3]))], labels: [])) }
    }
}

/// Asks for a stop once a step is reached.
private struct StopHook: TrainingHook {
    let step: Int
    let cancellation: Cancellation

    mutating func step(_ moment: inout TrainingMoment) throws {
        if moment.step == step { cancellation.cancel() }
    }
}

/// Zeroes one more mask element after every step.
private struct TighteningHook: TrainingHook {
    mutating func step(_ moment: inout TrainingMoment) throws {
        guard moment.step > 0, var mask = moment.variables["fc1.weight.mask"] else { return }
        mask.withMutableElements(Float.self) { $0[moment.step - 1] = 0 }
        moment.variables["fc1.weight.mask"] = mask
    }
}

private final class StepCounter: Sendable {
    let total = Atomic<Int>(0)
    func note(_ event: ProgressEvent) { total.store(event.total, ordering: .relaxed) }
}

extension TrainerTests {
    /// Parts of a step give the gradients of the whole step.
    @Test(arguments: [7, 16, 31]) func partsOfAStepAddUp(_ size: Int) throws {
        let model = try perceptron(inputs: 2, hidden: 8, outputs: 2)
        var split = configuration(epochs: 3, .sgd(momentum: 0.9))
        let whole = try Trainer(model, configuration: split).train(on: quadrants(count: 200))
        split.partSize = size
        let parts = try Trainer(model, configuration: split).train(on: quadrants(count: 200))
        for (name, tensor) in parameters(whole) {
            let other = try #require(parameters(parts)[name]).floats()
            #expect(zip(tensor.floats(), other).allSatisfy { abs($0 - $1) < 1e-4 }, "\(name)")
        }
        #expect(abs(whole.history[2].loss - parts.history[2].loss) < 1e-4)
    }

    /// So are the gradients that hooks read.
    @Test func hooksReadTheGradientsOfWholeSteps() throws {
        final class Seen { var gradients: [[Float]] = [] }
        struct Reader: TrainingHook {
            let seen: Seen
            var gradients: [ValueName] { ["fc1.weight"] }
            mutating func step(_ moment: inout TrainingMoment) throws {
                if let gradient = moment.gradient(of: "fc1.weight") { seen.gradients.append(gradient) }
            }
        }
        func gradients(partSize: Int) throws -> [[Float]] {
            var configuration = configuration(epochs: 1, .sgd())
            configuration.partSize = partSize
            var trainer = try Trainer(perceptron(inputs: 2, hidden: 8, outputs: 2), configuration: configuration)
            let seen = Seen()
            trainer.hooks = [Reader(seen: seen)]
            _ = try trainer.train(on: quadrants(count: 64))
            return seen.gradients
        }
        let (whole, parts) = (try gradients(partSize: 0), try gradients(partSize: 5))
        #expect(whole.count == 2 && parts.count == 2)
        for (a, b) in zip(whole, parts) { #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-5 } && a.contains { abs($0) > 1e-3 }) }
    }

    /// a ← d·a + (1 − d)·w after each step, from the starting weights on.
    @Test func averagesOfWeightsAreGivenBack() throws {
        let model = try perceptron(inputs: 2, hidden: 4, outputs: 2)
        var plain = configuration(epochs: 1, .sgd())
        (plain.schedule, plain.keepsBest) = (Schedule(), false)
        let data = try quadrants(count: 64)
        var averaged = plain
        averaged.averaging = 0.75
        let result = try Trainer(model, configuration: averaged).train(on: data)
        // The same two steps one by one.
        final class Seen { var weights: [[Float]] = [] }
        struct Recorder: TrainingHook {
            let seen: Seen
            mutating func step(_ moment: inout TrainingMoment) throws { seen.weights.append(moment.variables.tensors["fc1.weight"]?.floats() ?? []) }
        }
        var trainer = try Trainer(model, configuration: plain)
        let seen = Seen()
        trainer.hooks = [Recorder(seen: seen)]
        _ = try trainer.train(on: data)
        #expect(seen.weights.count == 3)
        var average = seen.weights[0]
        for weights in seen.weights.dropFirst() { average = zip(average, weights).map { 0.75 * $0 + 0.25 * $1 } }
        let own = try #require(result.model.initializers["fc1.weight"]).floats()
        #expect(zip(own, average).allSatisfy { abs($0 - $1) < 1e-6 })
    }

    @Test func endsWhereNothingGetsBetterAndWhereTimeIsOver() throws {
        let model = try perceptron(inputs: 2, hidden: 4, outputs: 2)
        var patient = configuration(epochs: 50)
        (patient.learningRate, patient.patience) = (0, 3)
        let data = try quadrants(count: 64)
        #expect(try Trainer(model, configuration: patient).train(on: data, validation: data).history.count == 4)
        var hurried = configuration(epochs: 50)
        hurried.seconds = 0
        #expect(try Trainer(model, configuration: hurried).train(on: data).history.isEmpty)
    }

    /// A metric of one's own chooses the epoch: here the one whose first weight is lowest.
    @Test func anotherMetricChoosesTheBestEpoch() throws {
        var trainer = try Trainer(perceptron(inputs: 2, hidden: 4, outputs: 2), configuration: configuration(epochs: 8))
        trainer.judge = { model, _ in -Double(model.initializers["fc1.weight"]?.floats()[0] ?? 0) }
        let result = try trainer.train(on: quadrants(count: 200), validation: quadrants(count: 50))
        let scores = result.history.compactMap(\.validationScore)
        #expect(scores.count == 8 && scores.max() == scores[result.epoch - 1])
        #expect(scores[result.epoch - 1] == -Double(try #require(result.model.initializers["fc1.weight"]).floats()[0]))
    }

    /// torch.optim.lr_scheduler.CosineAnnealingWarmRestarts, T_0 of two epochs, per step.
    @Test func cosineBeginsAgain() {
        let schedule = Schedule(.restarts, interval: 2)
        let values = (0..<20).map { schedule.multiplier(step: $0, stepsPerEpoch: 5, totalSteps: 20) }
        #expect(values[0] == 1 && values[10] == 1 && abs(values[5] - 0.5) < 1e-12 && values[9] < 0.03)
        #expect(Array(values[..<10]) == Array(values[10...]))
    }
}
