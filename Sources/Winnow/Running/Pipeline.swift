import Foundation
public import WinnowEngine
import WinnowFormats
public import WinnowGraph
import WinnowPasses
import WinnowReport
import WinnowTensor
public import WinnowTraining

/// Applies a recipe to a model step by step, keeping what is needed to go on after a stop.
///
/// ```swift
/// var pipeline = Pipeline(recipe, data: data)
/// pipeline.stateFolder = "small.state"
/// let result = try await pipeline.run(on: model) { print($0) }
/// ```
public struct Pipeline: Sendable {
    /// How far a run has come: which step, and the event of the work within it.
    public struct Progress: Sendable, CustomStringConvertible {
        public var step: Int
        public var stepCount: Int
        public var stepName: String
        public var event: ProgressEvent
        /// The part of the whole run that is done, by what steps usually take.
        public var fraction: Double

        /// `2 of 5, static-quantization: calibration 40 %`
        public var description: String { "\(step) of \(stepCount), \(stepName): \(event)" }
    }

    public var recipe: Recipe
    public var data: DataSplits?
    /// Samples that fix ranges of activations; nil: the training samples, or every sample of a source without splits and labels.
    public var calibration: Dataset?
    /// Whom distillation follows unless its settings name a file; nil: the model as it came.
    public var teacher: Model?
    /// What choices are made by in place of top-1 or agreement: iterative pruning keeps it within its bound.
    public var judge: Judge?
    /// What training steps make small in place of the cross-entropy of the scores (the first output of floats), made of the graph that is trained. It
    /// reads labels and what the model reads.
    public var objective: (@Sendable (Graph) throws -> Objective)?
    /// Fixes every random choice.
    public var seed: UInt64 = 0
    /// Where finished steps and checkpoints are kept; nil: nothing is kept.
    public var stateFolder: String?
    /// Whether what is written says in its properties what was done to it: `winnow.recipe`, `winnow.seed`,
    /// `winnow.version`; its producer is Winnow then, and the one before it `winnow.source`.
    public var recordsRecipe = false
    /// Whether the model is judged on validation data after every step, as reports of several steps show.
    var judgesSteps = false
    /// Whether passes are only tried out.
    var isRehearsal = false
    /// What it is called where it is stopped.
    package var task = "run"
    /// Where `save` steps write.
    public var outputFolder = "."

    public init(_ recipe: Recipe, data: DataSplits? = nil) {
        self.recipe = recipe
        self.data = data
    }

    /// Runs every step on `model` on a thread of its own; cancelling the task ends it with an error of kind `.cancelled`.
    ///
    /// With a state folder, steps that an earlier run of the same recipe on the same model finished are read back instead of
    /// run, and one that was cancelled goes on where it stopped.
    ///
    /// `progress` is called from that thread, at most some ten times a second.
    /// Throws `.recipe`, `.data`, `.model` or `.file` naming the step and what would be right.
    public func run(
        on model: Model, progress: @escaping @Sendable (Progress) -> Void = { _ in }
    ) async throws -> CompressionResult {
        try await Cancellation.ofTask { try run(on: model, cancellation: $0, progress: progress) }
    }

    /// The same on the calling thread, which waits for the end.
    public func run(
        on model: Model, cancellation: Cancellation = Cancellation(), progress: @escaping @Sendable (Progress) -> Void = { _ in }
    ) throws -> CompressionResult {
        for step in recipe.steps { try step.check() }
        try cancellation.check("the run")
        try checkSteps(on: model)
        let folder = try stateFolder.map { try RunFolder($0, of: fingerprint(of: model)) }
        do { return try run(on: model, in: folder, cancellation, progress) } catch {
            folder?.release(after: error)
            throw error
        }
    }

    /// Throws where a step needs data and there are none, or reads a model that is not there, before the steps in front of it work.
    private func checkSteps(on model: Model) throws {
        let context = self.context(of: model) { _ in }
        for (index, step) in recipe.steps.enumerated() {
            guard case .pass(let step) = step else { continue }
            do {
                try WinnowError.leading(to: type(of: step.pass).page) {
                    try context.check(step.pass.needs)
                    for path in step.pass.models { _ = try MappedFile(path) }
                }
            } catch let error as WinnowError { throw error.within(step.name).within("step \(index + 1)") }
        }
    }

    private func run(
        on model: Model, in folder: RunFolder?, _ cancellation: Cancellation, _ progress: @escaping @Sendable (Progress) -> Void
    ) throws -> CompressionResult {
        var graph = marked(model.graph)
        var result = CompressionResult(model: model, steps: [], saved: [], folder: folder)
        for (index, step) in recipe.steps.enumerated() {
            try cancellation.check(task, isKept: stateFolder != nil)
            switch step {
            case .save(let file):
                let saved = Model(graph, path: "\(outputFolder)/\(file)")
                try saved.write(to: "\(outputFolder)/\(file)")
                result.saved.append((String(file.dropLast(".onnx".count)), saved))
            case .pass(let step):
                do {
                    result.steps.append(
                        try apply(
                            step, as: Self.stepName(index), to: &graph, of: model, in: folder, cancellation, reporter(index, step.name, progress)))
                } catch let error as WinnowError where error.kind != .cancelled { throw error.within("step \(index + 1)") }
            }
        }
        result.model.graph = graph
        result.model.path = nil
        return result
    }

    /// The graph with what was done to the images that it is compressed with, for all that comes of it.
    private func marked(_ graph: Graph) -> Graph {
        var graph = graph
        if let preparation = data?.preparation { graph.metadata.properties[ImagePreparation.property] = preparation }
        return graph
    }

    /// What passes may use.
    private func context(of model: Model, progress: @escaping ProgressReporter) -> PassContext {
        let data = data?.taken(by: recipe)
        var context = PassContext(
            calibration: calibration ?? data?.calibration, training: data?.training, validation: data?.validation, seed: seed,
            progress: progress)
        context.teacher = (teacher ?? model).graph
        context.judge = judge
        context.objective = objective
        context.isRehearsal = isRehearsal
        context.loadModel = { try Model(reading: $0).graph }
        context.loadArrays = { try Arrays.readUnnamed($0) }
        context.fileByteCount = { try ONNXFile.byteCount(of: $0) }
        return context
    }

    /// What a step is called in the folder of a run.
    static func stepName(_ index: Int) -> String { "step-\(index + 1)" }

    /// Applies one step of the work on `model` to what the steps before made of it, or reads back what it gave.
    ///
    /// - Parameter name: what it is called in `folder`.
    func apply(
        _ step: PassStep, as name: String, to graph: inout Graph, of model: Model, in folder: RunFolder?, _ cancellation: Cancellation,
        _ progress: @escaping ProgressReporter
    ) throws -> Report.Step {
        if let finished = try folder?.finished(name) {
            graph = finished.graph
            return finished.record
        }
        var context = self.context(of: model, progress: progress)
        context.cancellation = cancellation
        context.state = folder?.state(of: name)
        graph = marked(graph)
        let record = try apply(step, to: &graph, in: context)
        guard let folder else { return record }
        try folder.finish(name, graph: graph, record: record)
        // A resumed run continues from the file, so this run does too: the bytes cannot differ.
        if let written = try folder.finished(name) { graph = written.graph }
        return record
    }

    private func apply(_ step: PassStep, to graph: inout Graph, in context: PassContext) throws -> Report.Step {
        let start = ContinuousClock.now
        let result = try Cancellation.stopping(task, isKept: stateFolder != nil) { try step.pass(graph, in: context) }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        graph = result.graph
        if recordsRecipe { graph.metadata.note(step, seed: seed) }
        var measurement = ModelMeasurement(graph, model: "", stage: step.name)
        if judgesSteps { try measurement.judge(graph, in: context) }
        return Report.Step(
            name: step.name, settings: step.settings, seconds: seconds, findings: result.findings, result: measurement)
    }

    private func reporter(
        _ index: Int, _ name: String, _ progress: @escaping @Sendable (Progress) -> Void
    ) -> ProgressReporter {
        let stepCount = recipe.steps.count
        let weights = recipe.steps.map(Self.weight)
        let (before, own, all) = (weights[..<index].reduce(0, +), weights[index], weights.reduce(0, +))
        return { event in
            progress(
                Progress(
                    step: index + 1, stepCount: stepCount, stepName: name, event: event,
                    fraction: (before + own * event.fraction) / max(1, all)))
        }
    }

    /// Of passes that train and do not tell for how long.
    private static let usualEpochs = 5

    /// How long steps take beside each other: training by its epochs, calibration far less, the rest next to nothing.
    private static func weight(of step: Recipe.Step) -> Double {
        guard case .pass(let step) = step else { return 1 }
        let epochs = step.pass.trainedEpochs
        switch step.pass.needs {
        case .nothing: return 1
        case .calibration: return 5
        case .training: return 50 * Double(epochs > 0 ? epochs : usualEpochs)
        }
    }

    /// Differs where the recipe, a model that it reads, what judges or trains, the data or the seed do.
    private func fingerprint(of model: Model) throws -> Fingerprint {
        let steps = recipe.steps.map { step in
            switch step {
            case .pass(let step): "\(step.name) \(step.settings)"
            case .save(let file): "save \(file)"
            }
        }
        // A model that cannot be read is told of by the step that needs it.
        let others = recipe.passes.flatMap(\.models).map { try? Model(reading: $0).graph }
        let files = recipe.passes.flatMap(\.files).map { FileManager.default.contents(atPath: $0).map(\.hashText) ?? "none" }
        let own = try [model.graph, teacher?.graph, objective?(model.graph).graph]
        return try Fingerprint(
            models: (own + others).compactMap { $0 }, data: [data?.training, data?.validation, data?.test, calibration],
            settings: steps + files + (judge.map { ["\($0)"] } ?? []), seed: seed)
    }
}

extension Data {
    /// Differs where the bytes do.
    fileprivate var hashText: String {
        var hash = ContentHash()
        withUnsafeBytes { hash.add($0) }
        return hash.text
    }
}

extension ModelMeasurement {
    /// Notes how good a model between steps is on validation data, or why its outputs cannot be compared with the original's.
    /// Throws what the judge throws, and `.cancelled`; a number of it that is not finite is shown as it is.
    fileprivate mutating func judge(_ graph: Graph, in context: PassContext) throws {
        guard let data = context.validation else { return }
        if let judge = context.judge {
            let options = EvaluationOptions(cancellation: context.cancellation)
            validationMetrics = [try judge.result(of: graph, original: context.teacher, on: data, options: options)]
            return
        }
        do {
            let quality = try context.bench.trial(graph, on: data).quality
            if quality.results.isEmpty { validationTop1 = quality.score } else { validationMetrics = quality.results }
        } catch let error as WinnowError where [.model, .unsupported].contains(error.kind) {
            note("not judged after \(stage): \(error)")
        }
    }
}

extension PassStep {
    /// The hyperparameters in the recipe's form.
    var settings: String { HyperparameterValue.table(pass.hyperparameters).description }
}
