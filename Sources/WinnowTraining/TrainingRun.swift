import Foundation
import WinnowEngine
import WinnowGraph
import WinnowTensor

/// The state of one run between two steps.
final class TrainingRun {
    let trainer: Trainer
    /// What is trained, with what stands before it.
    private let trained: TrainedPart
    var graph: TrainingGraph { trained.graph }
    let variables: VariableStore
    let training: Dataset
    let validation: Dataset?
    let assembler: BatchAssembler
    let sampleCount: Int
    let stepsPerEpoch: Int
    var optimizer: Optimizer
    var hooks: [any TrainingHook]
    var reducer: any GradientReducer
    var frozen: Set<ValueName> = []
    /// Steps done since the beginning.
    var step = 0
    /// The present epoch's loss, summed over samples.
    var lossSum = 0.0
    var lossCount = 0
    var history: [EpochRecord] = []
    /// The best epoch so far, by top-1 or, without labels, by the negative loss on validation data.
    var best: (epoch: Int, score: Double, tensors: [ValueName: Tensor])?
    /// Where it keeps how far it is, for runs that take the same course.
    let state: RunState?
    /// The average of parameters, where that is what is given back.
    var average: WeightAverage?
    /// What labels of the validation data judge epochs by.
    private let judgingLabels: ClassLabels?
    private let begin = ContinuousClock.now
    /// By the number of samples, where nothing stands before the trained part; else by the shapes of all inputs.
    private var plans: [Int: TrainingPlan] = [:]
    private var plansBehindFront: [[ValueName: Shape]: TrainingPlan] = [:]
    /// The last shapes of what stands before the trained part gives.
    private var givenShapes: [ValueName: Shape] = [:]
    private var pace: Pace
    private var lastSave = ContinuousClock.now

    /// - Parameter kept: what the objective computes of the data but for training.
    init(_ trainer: Trainer, data: Dataset, validation: Dataset?, kept: KeptValues? = nil) throws {
        try trainer.validate(sampleCount: data.count)
        let objective = kept?.objective ?? trainer.objective
        self.trainer = trainer
        (self.training, self.validation) = (data, validation)
        judgingLabels = validation.flatMap { trainer.judgingLabels(of: trainer.model, on: $0) }
        let configuration = trainer.configuration
        assembler = try BatchAssembler(
            kept?.data ?? data, for: objective, inputs: trainer.model.inputNames, batchSize: configuration.batchSize,
            augmentation: configuration.augmentation, seed: configuration.seed)
        let trained = try TrainedPart(
            of: objective, by: trainer, samples: Array(0..<min(configuration.batchSize, data.count))[...], assembler)
        self.trained = trained
        let graph = trained.graph
        variables = VariableStore(graph.graph.initializers.filter { graph.variables.contains($0.key) })
        if graph.variables.contains(trainingStepName) { variables[trainingStepName] = Tensor(scalar: Int64(0)) }
        optimizer = Optimizer(
            configuration.optimizer, parameters: graph.parameters, of: variables,
            shapes: graph.graph.initializers.mapValues(\.shape), options: trainer.parameterOptions)
        hooks = trainer.hooks
        reducer = trainer.reducer
        sampleCount = data.count
        let whole = data.count / configuration.batchSize
        stepsPerEpoch = configuration.dropsLastBatch || data.count % configuration.batchSize == 0 ? whole : whole + 1
        pace = Pace(totalSteps: stepsPerEpoch * configuration.epochs)
        if configuration.averaging > 0 { average = WeightAverage(configuration.averaging, of: graph.parameters, in: variables) }
        state = try trainer.state.map { state in
            let own = try state.bound(to: trainer.fingerprint(of: graph.graph, training: data, validation: validation))
            let fronted = try trained.front.map { own.bound(to: try Fingerprint(models: [$0.graph], settings: [String](), seed: 0)) } ?? own
            return kept.map { fronted.bound(to: $0.fingerprint) } ?? fronted
        }
    }

    /// Epochs finished.
    var epoch: Int { step / stepsPerEpoch }
    var totalSteps: Int { stepsPerEpoch * trainer.configuration.epochs }

    /// Lets hooks set up the first step of a fresh run.
    func start() throws {
        pace.start(at: step)
        guard step == 0 else { return }
        try callHooks()
        // Where nothing but the loss judges, training may have begun at the best state.
        if let validation, trainer.configuration.keepsBest, judgesByLoss, hooks.allSatisfy(\.isSettled) {
            best = (0, try -validationLoss(on: validation), present)
        }
    }

    /// Takes the steps that the present epoch has left.
    func runEpoch() throws {
        let configuration = trainer.configuration
        let order = sampleOrder(count: sampleCount, seed: configuration.seed, epoch: epoch)
        for position in (step % stepsPerEpoch)..<stepsPerEpoch {
            try stopIfAsked()
            let first = position * configuration.batchSize
            assembler.expect(order[first..<min(first + 2 * configuration.batchSize, sampleCount)])
            try takeStep(order[first..<min(first + configuration.batchSize, sampleCount)])
        }
    }

    func takeStep(_ samples: ArraySlice<Int>) throws {
        let plan = try computeGradients(samples)
        try reducer.reduce(plan.gradients)
        let factor = trainer.configuration.clipping?.apply(to: plan.gradients) ?? 1
        optimizer.update(plan.gradients, learningRate: learningRate, gradientFactor: factor, frozen: frozen)
        step += 1
        average?.add(variables)
        try callHooks(plan.watched)
        if let reporter = trainer.progress, let event = pace.event(step, run: self) { reporter(event) }
    }

    /// The plan whose gradients are those of these samples, taken part by part where there are too many to take at once.
    private func computeGradients(_ samples: ArraySlice<Int>) throws -> TrainingPlan {
        let size = trainer.configuration.partSize
        guard size > 0, size < samples.count else { return try compute(samples, part: 0) }
        var sums: [[Float]] = []
        var last: TrainingPlan?
        for (part, start) in stride(from: samples.startIndex, to: samples.endIndex, by: size).enumerated() {
            let own = samples[start..<min(start + size, samples.endIndex)]
            let plan = try compute(own, part: part)
            let share = Float(own.count) / Float(samples.count)
            if sums.isEmpty { sums = plan.allGradients.map { [Float](repeating: 0, count: $0.values.count) } }
            for (index, gradient) in plan.allGradients.enumerated() {
                for place in gradient.values.indices { sums[index][place] += share * gradient.values[place] }
            }
            last = plan
        }
        guard let last else { return try compute(samples, part: 0) }
        for (sum, gradient) in zip(sums, last.allGradients) { _ = gradient.values.update(fromContentsOf: sum) }
        return last
    }

    /// Runs the plan of some samples and counts their loss; each part of a step draws its own augmentation.
    private func compute(_ samples: ArraySlice<Int>, part: Int) throws -> TrainingPlan {
        let draw = step &+ part << 40
        let plan = try plan(for: samples, step: draw)
        try assembler.fill(plan.plan, samples: samples, step: draw)
        try plan.plan.execute()
        let loss = Double(plan.loss.pointee)
        guard loss.isFinite else { throw try divergence(plan, samples) }
        lossSum += loss * Double(samples.count)
        lossCount += samples.count
        return plan
    }

    /// Whether training ends before its last epoch: nothing has got better for long enough, or the time is over.
    var isOver: Bool {
        let configuration = trainer.configuration
        if let seconds = configuration.seconds, ContinuousClock.now - begin > .seconds(seconds) { return true }
        guard configuration.patience > 0, let best else { return false }
        return epoch - best.epoch >= configuration.patience
    }

    /// What the run stands for now: variables, with averages in the place of parameters where these are asked for.
    private var present: [ValueName: Tensor] { average?.replacing(variables.tensors) ?? variables.tensors }

    /// The learning rate of the next step.
    var learningRate: Double {
        let configuration = trainer.configuration
        return configuration.learningRate
            * configuration.schedule.multiplier(step: step, stepsPerEpoch: stepsPerEpoch, totalSteps: totalSteps)
    }

    private func callHooks(_ gradients: [GradientBuffer] = []) throws {
        guard !hooks.isEmpty else { return }
        var moment = TrainingMoment(
            step: step, stepsPerEpoch: stepsPerEpoch, totalSteps: totalSteps, variables: variables, gradients: gradients,
            frozen: frozen)
        for index in hooks.indices { try hooks[index].step(&moment) }
        frozen = moment.frozen
    }

    /// The plan for so many samples, which holds what stands before the trained part gives for these.
    func plan(for samples: ArraySlice<Int>, step: Int = 0) throws -> TrainingPlan {
        guard let front = trained.front else {
            if let plan = plans[samples.count] { return plan }
            let plan = try plan(of: assembler.shapes(count: samples.count))
            plans[samples.count] = plan
            return plan
        }
        let given = try front.values(of: samples, step: step, assembler)
        givenShapes = given.mapValues(\.shape)
        let shapes = shapes(count: samples.count)
        // Shapes that depend on contents may be others in every step.
        if plansBehindFront[shapes] == nil, plansBehindFront.count >= Self.planLimit { plansBehindFront.removeAll() }
        let plan = try plansBehindFront[shapes] ?? plan(of: shapes)
        plansBehindFront[shapes] = plan
        for (input, tensor) in given { try plan.plan.setInput(input, tensor) }
        return plan
    }

    private func plan(of shapes: [ValueName: Shape]) throws -> TrainingPlan {
        try TrainingPlan(graph, trained.lowered, shapes: shapes, variables: variables, trainer.options)
    }

    private static let planLimit = 8

    private func shapes(count: Int) -> [ValueName: Shape] { assembler.shapes(count: count).merging(givenShapes) { $1 } }

    /// The contractions of one step, by node.
    func multiplyAccumulates(for count: Int) -> [String: Int?] {
        trained.lowered.multiplyAccumulates(inputShapes: shapes(count: count))
    }

    private func stopIfAsked() throws {
        if trainer.cancellation?.isCancelled == true {
            try save()
            try trainer.cancellation?.check("training", isKept: state != nil)
        }
        if ContinuousClock.now - lastSave > .seconds(trainer.configuration.checkpointSeconds) { try save() }
    }

    /// Saves how far it is, where that is kept.
    func save() throws {
        if let state { try state.save(record, tensors) }
        lastSave = .now
    }

    /// Evaluates the state an epoch has reached, remembers it if it is the best, and saves it.
    func finishEpoch() throws {
        try checkParameters()
        let rate = trainer.configuration.learningRate * trainer.configuration.schedule.multiplier(
            step: step - 1, stepsPerEpoch: stepsPerEpoch, totalSteps: totalSteps)
        var record = EpochRecord(epoch: epoch, learningRate: rate, loss: lossSum / Double(max(1, lossCount)))
        if let validation {
            let score = try validate(on: validation, &record)
            let isBetter = !score.isNaN && best.map { score > $0.score } ?? true
            if trainer.configuration.keepsBest, isBetter, hooks.allSatisfy(\.isSettled) {
                best = (epoch, score, present)
            }
        }
        history.append(record)
        lossSum = 0
        lossCount = 0
        if let reporter = trainer.progress { reporter(pace.epochEvent(step, run: self, record)) }
        try save()
    }

    /// Notes how good the present state is on validation data, and gives the number that is to be large.
    private func validate(on data: Dataset, _ record: inout EpochRecord) throws -> Double {
        if let judge = trainer.judge {
            let score = try judge(model(with: present), data)
            record.validationScore = score
            return score
        }
        if !judgesByLoss {
            let evaluation = try Evaluation(
                of: model(with: present), on: data, labels: judgingLabels, options: EvaluationOptions(session: trainer.options))
            (record.validationTop1, record.validationLoss) = (evaluation.top1, evaluation.loss)
            // No state is good that has a score for no sample.
            return evaluation.brokenSampleCount < evaluation.sampleCount ? evaluation.top1 : .nan
        }
        let loss = try validationLoss(on: data)
        record.validationLoss = loss
        return -loss
    }

    private var judgesByLoss: Bool { trainer.judge == nil && judgingLabels == nil }

    private func validationLoss(on data: Dataset) throws -> Double {
        try trainer.objective.setting(present).loss(on: data, batchSize: trainer.configuration.batchSize, options: trainer.options)
    }

    /// The inference model with these contents in the initializers it has.
    private func model(with tensors: [ValueName: Tensor]) throws -> Graph {
        try trainer.model.settingContents(tensors)
    }

    func result() throws -> TrainingResult {
        TrainingResult(
            model: try model(with: best?.tensors ?? present), history: history, epoch: best?.epoch ?? epoch,
            parameters: graph.parameters, obstacles: graph.obstacles,
            held: trained.held(by: trainer))
    }
}
