package import WinnowEngine
package import WinnowGraph
import WinnowTensor

/// Trains a model on data; everything random follows from the configuration's seed.
package struct Trainer {
    /// The inference graph whose parameters are trained, and which is evaluated after every epoch.
    package var model: Graph
    package var objective: Objective
    package var configuration: TrainingConfiguration
    package var frozen: Set<ValueName> = []
    package var parameterOptions: [ValueName: ParameterOptions] = [:]
    package var hooks: [any TrainingHook] = []
    package var reducer: any GradientReducer = NoReduction()
    /// Where the run keeps how far it is; nil: a stop loses it.
    package var state: RunState?
    package var progress: ProgressReporter?
    package var cancellation: Cancellation?
    package var options = SessionOptions()
    /// What the best epoch is told by in place of top-1 or the loss, larger is better.
    package var judge: ((_ model: Graph, _ validation: Dataset) throws -> Double)?

    /// Trains `model` on a loss of its own; initializers of `objective` named as in `model` are the same parameters.
    package init(_ model: Graph, objective: Objective, configuration: TrainingConfiguration) {
        self.model = model
        self.objective = objective
        self.configuration = configuration
    }

    /// Trains a classifier on the cross-entropy of its first output.
    ///
    /// - Parameter places: labels that are classes of places; nil: they are one a sample.
    package init(_ model: Graph, configuration: TrainingConfiguration, places: PlaceLabels? = nil) throws {
        self.init(
            model,
            objective: try Loss.crossEntropy(labelSmoothing: configuration.labelSmoothing)
                .attached(to: model.takingMasterWeights(), probabilities: configuration.augmentation.mixesSamples, places: places),
            configuration: configuration)
    }

    /// The labels of data that a classifier of places is trained on; nil where they are one a sample, or do not fit.
    package static func places(of data: Dataset, for model: Graph) -> PlaceLabels? {
        let labels = ClassLabels(of: data, for: model)
        return labels.objection == nil ? labels.places : nil
    }

    /// Runs all epochs, or what a checkpoint has left of them.
    ///
    /// Throws `.cancelled` after saving a checkpoint, `.numeric` when the loss is no longer finite, `.data` where data
    /// and graph do not fit.
    package func train(on data: Dataset, validation: Dataset? = nil) throws -> TrainingResult {
        let trainer = fittingBatches(of: data)
        try trainer.validate(sampleCount: data.count)
        let run = try TrainingRun(trainer, data: data, validation: validation, kept: KeptValues(of: trainer, on: data))
        try run.resume()
        try run.start()
        while run.epoch < configuration.epochs, !run.isOver {
            try run.runEpoch()
            try run.finishEpoch()
        }
        return try run.result()
    }

    /// The same with batches of as many samples as the model fixes, if it does.
    private func fittingBatches(of data: Dataset) -> Trainer {
        guard let size = data.fixedBatchSize(for: model) else { return self }
        var result = self
        result.configuration.batchSize = size
        result.configuration.dropsLastBatch = true
        return result
    }

    /// Checks what plans and loops rely on.
    func validate(sampleCount: Int) throws {
        func require(_ condition: Bool, _ subject: String, _ problem: String) throws {
            if !condition { throw WinnowError(.usage, subject, problem) }
        }
        try require(configuration.epochs >= 0, "epochs", "must not be negative")
        try require(configuration.batchSize > 0, "batch size", "must be at least 1")
        try require(configuration.partSize >= 0, "part size", "must not be negative")
        try require((0..<1).contains(configuration.averaging), "averaging", "must be at least 0 and below 1")
        try require(configuration.learningRate.isFinite, "learning rate", "must be a finite number")
        guard sampleCount > 0 else { throw WinnowError(.data, "training data", "has no samples") }
        guard !configuration.dropsLastBatch || sampleCount >= configuration.batchSize else {
            throw WinnowError(
                .data, "training data", "has \(sampleCount) samples, less than one batch of \(configuration.batchSize)",
                remedy: model.fixedBatchSize == nil ? "lower the batch size" : "the model takes no other: give it more samples")
        }
    }
}
