import WinnowEngine
public import WinnowGraph
import WinnowTensor
public import WinnowTraining

/// Trains the model on; carries any number of training passes through the same run.
public struct Finetune: Pass {
    public static let name = "finetune"
    public static let summary = "trains the model on, together with any number of training passes"
    public static let guide = """
        Minimizes what `objective` lists, each a loss of a value of the model and a target: labels, an array of the data, or what the \
        original model gives. Without it, the cross-entropy of the scores on the training data, or, without labels that fit it, the \
        distance of all outputs from the original model's. It gives back the state that did best on the validation data, by the \
        metric where one is given. Weights that are exactly zero stay zero. Passes listed under `with` take part in the same run: \
        a teacher, tightening masks, learned quantization steps.
        """
    public static let strengths = [Strength("epochs", none: 0)]

    public enum Rule: String, HyperparameterChoice, Codable { case sgd, adam, adamw }
    public enum Decay: String, HyperparameterChoice, Codable { case constant, step, cosine, restarts, oneCycle = "one-cycle" }

    @Hyperparameter("losses that add up to what training makes small; empty: the cross-entropy, or the distance from the original") public
        var objective: [ObjectiveTerm] = []
    @Hyperparameter("passes over the training data", in: 0...1e6, rehearsal: 1) public var epochs = 5
    @Hyperparameter("samples in one step", in: 1...1e9) public var batchSize = 128
    @Hyperparameter("samples that go through the model at once: a step adds up as many such parts as it needs; 0: all", in: 0...1e9)
    public var partSize = 0
    @Hyperparameter("step size of the optimizer", in: 0...1e3) public var learningRate = 1e-3
    @Hyperparameter("factors of the learning rate by globs of parameters, nodes or types; the longest holds, 0 freezes", in: 0...1e6)
    public var learningRates: [String: Double] = [:]
    @Hyperparameter("globs of parameters, of nodes that read them, or types, that are not trained") public var freeze: [String] = []
    @Hyperparameter("largest norm of all gradients together; 0: any", in: 0...1e9) public var clipNorm = 0.0
    @Hyperparameter("how much of the moving average of weights a step leaves, which is what is given back; 0: no average", in: 0...0.999999)
    public var averaging = 0.0
    @Hyperparameter("how gradients change parameters") public var optimizer = Rule.adam
    @Hyperparameter("part of the last update that sgd keeps", in: 0...1, counts: .with("optimizer", ["sgd"])) public var momentum = 0.9
    @Hyperparameter("sgd with momentum looks ahead (Nesterov)", counts: .with("optimizer", ["sgd"])) public var nesterov = true
    @Hyperparameter("pull of the parameters towards 0", in: 0...1e3) public var weightDecay = 0.0
    @Hyperparameter("how the learning rate changes over the run") public var schedule = Decay.cosine
    @Hyperparameter("epochs of linear warm-up", in: 0...1e6) public var warmupEpochs = 0.0
    @Hyperparameter(
        "epochs between two drops to a tenth, in schedule step; between two beginnings, in restarts", in: 1...1e6,
        counts: .with("schedule", ["step", "restarts"]))
    public var interval = 10
    @Hyperparameter("probability spread evenly over all classes", in: 0...1) public var labelSmoothing = 0.0
    @Hyperparameter("largest shift of images in pixels, drawn anew for every sample", in: 0...1e4) public var shift = 0
    @Hyperparameter("mirror half of the images") public var flip = false
    @Hyperparameter("random changes of training samples, drawn anew for every sample and step") public var augment: [AugmentationChange] = []
    @Hyperparameter("give back the best epoch on the validation data instead of the last") public var keepBest = true
    @Hyperparameter("epochs without a better one after which training ends; 0: none", in: 0...1e6) public var patience = 0
    @Hyperparameter("minutes after which no further epoch begins; 0: as many as it takes", in: 0...1e6) public var minutes = 0.0
    @Hyperparameter("compute outputs of teachers and of the original once for every sample and keep them on disk, unless samples are changed at random")
    public var keepTeacher = true
    @Hyperparameter("how sums of products of float32 are computed; exact: each as it is written; bfloat16: factors rounded where that is faster") public
        var arithmetic = Arithmetic.fast
    @Hyperparameter("keep weights zero that are exactly zero") public var keepZeros = true
    @Hyperparameter("training passes that take part") public var with: [PassStep] = []

    public init() {}

    package init(carrying passes: [any TrainingPass]) {
        self.init()
        with = passes.map { PassStep($0) }
    }

    public var needs: PassNeeds { .training }
    public var models: [String] { with.flatMap(\.pass.models) }
    public var files: [String] { with.flatMap(\.pass.files) }
    public var trainedEpochs: Int { epochs }

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        let masked = keepZeros ? try graph.maskingZeros() : graph
        let (trainer, setup) = try trainer(of: masked, original: graph, in: context)
        let references = try setup.references.flatMap { try $0.findings(by: trainer, of: graph, in: context) }
        let (trained, findings) = try train(trainer, in: context)
        var result = PassResult(graph: trained, findings: setup.findings + references + findings)
        for pass in try passengers() {
            let final = try pass.finalize(result.graph, in: context)
            result = PassResult(graph: final.graph, findings: result.findings + final.findings)
        }
        let added = Set(masked.maskNodes.map(\.mask)).subtracting(graph.maskNodes.map(\.mask))
        result.graph = try result.graph.foldingMasks(only: added)
        result.findings = .ofTraining(graph, to: result.graph, noted: result.findings)
        return result
    }

    /// Trains `model` as it stands, masks included, and prepares every passenger; nothing is finalized. `hook` acts along.
    func train(
        _ model: Graph, original: Graph, hook: (any TrainingHook)? = nil, in context: PassContext
    ) throws -> Graph {
        var (trainer, _) = try trainer(of: model, original: original, in: context)
        if let hook { trainer.hooks.append(hook) }
        return try train(trainer, in: context).graph
    }

    private func train(_ trainer: Trainer, in context: PassContext) throws -> (graph: Graph, findings: [Finding]) {
        let data = try context.trainingSource(for: trainer.model)
        let result = try trainer.train(on: data, validation: context.validation)
        let epochs = result.history.flatMap { Self.findings(of: $0, context.judge) }
        return (result.model, batchFindings(data.fixedBatchSize(for: trainer.model)) + .untrained(result) + epochs)
    }

    /// The trainer of `model` with every passenger prepared, and the set-up that they left.
    package func trainer(
        of model: Graph, original: Graph, in context: PassContext
    ) throws -> (trainer: Trainer, setup: TrainingSetup) {
        var setup = TrainingSetup(original)
        setup.model = epochs == 0 ? model : try model.separatingStatistics()
        if epochs == 0 { setup.findings.append(Finding("graph", .skipped, reason: "0 epochs train nothing")) }
        let passengers = try passengers()
        for pass in passengers { try named(pass) { try pass.prepare(&setup, in: context) } }
        let prepared = setup.model
        // What the loss is made of; the model itself keeps its types.
        setup.model = prepared.takingMasterWeights(and: setup.widened)
        try chooseObjective(&setup, in: context)
        let objective = try extendedObjective(&setup, by: passengers, in: context)
        var trainer = Trainer(prepared, objective: objective, configuration: configuration(seed: context.seed))
        trainer.options.arithmetic = arithmetic
        trainer.parameterOptions = setup.options
        trainer.frozen = setup.frozen
        try choose(&trainer, among: ParameterChoice(of: setup.model))
        if context.judge != nil { trainer.judge = { try context.evaluate($0, $1) } }
        trainer.hooks = setup.hooks
        let own = try Fingerprint(settings: hyperparameters, seed: context.seed)
        trainer.state = context.state?.bound(to: own).part("training")
        trainer.progress = context.progress
        trainer.cancellation = context.cancellation
        return (trainer, setup)
    }

    /// What is made small: what the caller or `objective` says; else the cross-entropy with the labels where they fit; else the distance from
    /// the original.
    private func chooseObjective(_ setup: inout TrainingSetup, in context: PassContext) throws {
        if let objective = context.objective {
            setup.objective = try objective(setup.model)
            return
        }
        let original = context.teacher ?? setup.original
        guard objective.isEmpty else {
            let (sum, frozen, findings) = try ObjectiveSum.made(
                of: objective, on: setup.model, original: original, data: context.training, blendsLabels: augmentation.mixesSamples)
            setup.objective = sum
            setup.frozen.formUnion(frozen)
            setup.findings += findings
            return
        }
        let labels = context.training.map { ClassLabels(of: $0, for: setup.original) }
        if let objection = labels?.objection {
            let hasLabels = context.training.map { $0.labels != nil || $0.placeLabels != nil } ?? false
            let (objective, frozen) = try Imitation.objective(of: setup.model, original: original, hasLabels: hasLabels)
            setup.objective = objective
            setup.imitates = true
            setup.frozen.formUnion(frozen)
            setup.findings.append(Finding("graph", .done, .objective, reason: "trained toward the original's outputs: \(objection)"))
            if try passengers().isEmpty && setup.model.hasWeights(of: original) {
                let remedy = "give labels, an objective or a teacher, or change the model first"
                setup.findings.append(Finding("graph", .skipped, .objective, reason: "it is the original itself, which leaves nothing to learn: \(remedy)"))
            }
            return
        }
        setup.objective = try Loss.crossEntropy(labelSmoothing: labelSmoothing)
            .attached(to: setup.model, probabilities: augmentation.mixesSamples, places: labels?.places)
        if let places = labels?.places, let output = setup.model.scoredOutput {
            setup.findings.append(Finding("graph", .done, .objective, reason: "trained on the cross-entropy: \(places.words(of: output))"))
        }
    }

    /// The objective with what passengers add, to which the weight of the labels does not apply, whatever their order.
    private func extendedObjective(_ setup: inout TrainingSetup, by passengers: [any TrainingPass], in context: PassContext) throws -> Objective {
        let weighing = passengers.filter { type(of: $0).decides == .scores }
        for pass in weighing + passengers.filter({ type(of: $0).decides != .scores }) {
            try named(pass) { try pass.extendObjective(&setup, in: context) }
        }
        guard var objective = setup.objective else {
            throw WinnowError(.recipe, Self.name, "a pass took the objective away")
        }
        if setup.dropsUnread { objective.graph = try objective.graph.removingDeadNodes() }
        return objective
    }

    /// Freezes parameters and sets rates of their own.
    private func choose(_ trainer: inout Trainer, among choice: ParameterChoice) throws {
        for glob in freeze { trainer.frozen.formUnion(try choice.matching(glob, of: "freeze")) }
        // The longest glob comes last.
        for (glob, factor) in learningRates.sorted(by: { ($0.key.count, $0.key) < ($1.key.count, $1.key) }) {
            for name in try choice.matching(glob, of: "learning-rates") {
                if factor == 0 { trainer.frozen.insert(name); continue }
                trainer.parameterOptions[name, default: ParameterOptions()].learningRateFactor = Float(factor)
            }
        }
    }

    private func batchFindings(_ size: Int?) -> [Finding] {
        guard let size, size != batchSize else { return [] }
        return [
            Finding(
                "batch", .done, .stepSamples, before: Double(batchSize), after: Double(size),
                reason: "the model takes no other number")
        ]
    }

    /// Throws `.recipe` for a pass that does not train, and for two that decide the same.
    private func passengers() throws -> [any TrainingPass] {
        var deciding: [TrainingDecision: String] = [:]
        let passes: [any TrainingPass] = try with.map { step in
            guard let pass = step.pass as? any TrainingPass else {
                throw WinnowError(
                    .recipe, "with: \(step.name)", "does not take part in training", remedy: "make it a step of its own"
                )
            }
            if let decided = type(of: pass).decides, let other = deciding.updateValue(step.name, forKey: decided) {
                throw WinnowError(
                    .recipe, "with: \(step.name)", "decides \(decided.rawValue), as \(other == step.name ? "another one" : other) before it does",
                    remedy: "keep one of them")
            }
            return pass
        }
        if let other = deciding[.zeros], let keeper = passes.first(where: \.keepsWeights) {
            throw WinnowError(
                .recipe, "with: \(type(of: keeper).name)", "keeps weights while it learns their rounding, and \(other) makes some zero",
                remedy: "prune in a run before")
        }
        return passes
    }

    private func named(_ pass: any TrainingPass, _ body: () throws -> Void) throws {
        do { try body() } catch let error as WinnowError { throw error.within(type(of: pass).name) }
    }

    private var augmentation: Augmentation {
        var result = Augmentation(shiftPixels: shift, flipsHorizontally: flip)
        result.changes += augment
        return result
    }

    /// The trainer's configuration these hyperparameters stand for.
    package func configuration(seed: UInt64) -> TrainingConfiguration {
        let rule: OptimizerConfiguration =
            switch optimizer {
            case .sgd: .sgd(momentum: momentum, nesterov: nesterov && momentum > 0, weightDecay: weightDecay)
            case .adam: .adam(weightDecay: weightDecay)
            case .adamw: .adamW(weightDecay: weightDecay)
            }
        let shape = Schedule.Shape(rawValue: schedule.rawValue) ?? .constant
        var configuration = TrainingConfiguration(
            epochs: epochs, batchSize: batchSize, learningRate: learningRate, optimizer: rule,
            schedule: Schedule(shape, warmupEpochs: warmupEpochs, interval: interval), seed: seed)
        configuration.augmentation = augmentation
        configuration.labelSmoothing = labelSmoothing
        configuration.keepsBest = keepBest
        configuration.partSize = partSize
        configuration.keepsFixedValues = keepTeacher
        configuration.averaging = averaging
        configuration.patience = patience
        if minutes > 0 { configuration.seconds = 60 * minutes }
        if clipNorm > 0 { configuration.clipping = GradientClipping(.norm, limit: clipNorm) }
        return configuration
    }

    private static func findings(of record: EpochRecord, _ judge: Judge?) -> [Finding] {
        let subject = "epoch \(record.epoch)"
        // A score is the negative of what was measured where lower is better.
        let measured = record.validationScore.map { judge?.isHigherBetter == false ? -$0 : $0 }
        let validation = record.validationTop1.map { (Top1.name, $0) } ?? measured.map { ("score", $0) } ?? record.validationLoss.map { ("loss", $0) }
        return [Finding(subject, .done, .trainingLoss, after: record.loss)]
            + (validation.map { [Finding(subject, .done, .validation($0.0), after: $0.1)] } ?? [])
    }
}

extension TrainingReference {
    /// How good it is on validation data by what epochs are told by; nothing where that does not tell, or the data are not what it takes.
    fileprivate func findings(by trainer: Trainer, of original: Graph, in context: PassContext) throws -> [Finding] {
        guard let data = context.validation?.renamed(from: original, to: graph), (try? data.adapted(to: graph)) != nil,
            let quality = try trainer.quality(of: graph, on: data)
        else { return [] }
        switch quality {
        case .classes(let evaluation): return [Finding(subject, .done, .validation(Top1.name), after: evaluation.top1, reason: reason)]
        case .judged(let score):
            let measured = context.judge?.isHigherBetter == false ? -score : score
            return [Finding(subject, .done, .validation("score"), after: measured, reason: reason)]
        }
    }
}

extension Finetune {
    /// The pass that trains as a configuration says, zeros too; nil where it has no words for that.
    package init?(_ configuration: TrainingConfiguration, arithmetic: Arithmetic) {
        self.init()
        let (rule, shape) = (configuration.optimizer, configuration.schedule)
        guard let optimizer = Rule(rawValue: rule.rule.rawValue), let schedule = Decay(rawValue: shape.shape.rawValue) else { return nil }
        (self.optimizer, self.schedule, self.arithmetic, keepZeros) = (optimizer, schedule, arithmetic, false)
        (epochs, batchSize, partSize, learningRate) =
            (configuration.epochs, configuration.batchSize, configuration.partSize, configuration.learningRate)
        if optimizer == .sgd { (momentum, nesterov) = (rule.momentum, rule.nesterov) }
        (weightDecay, warmupEpochs) = (rule.weightDecay, shape.warmupEpochs)
        if [.step, .restarts].contains(schedule) { interval = shape.interval }
        (augment, labelSmoothing) = (configuration.augmentation.changes, configuration.labelSmoothing)
        (keepBest, keepTeacher, averaging) = (configuration.keepsBest, configuration.keepsFixedValues, configuration.averaging)
        (patience, minutes, clipNorm) = (configuration.patience, (configuration.seconds ?? 0) / 60, configuration.clipping?.limit ?? 0)
        // How often checkpoints are written changes no bytes, nor does an interval that the schedule does not have.
        var same = self.configuration(seed: configuration.seed)
        (same.checkpointSeconds, same.schedule.interval) = (configuration.checkpointSeconds, shape.interval)
        guard same == configuration, (try? checkHyperparameters()) != nil else { return nil }
    }
}

extension Arithmetic: HyperparameterChoice {}
extension Finetune: HyperparameterConvertible {}

extension Graph {
    fileprivate func hasWeights(of other: Graph) -> Bool {
        nodes.count == other.nodes.count && initializers.count == other.initializers.count
            && initializers.allSatisfy { other.initializers[$0.key] == $0.value }
    }
}
