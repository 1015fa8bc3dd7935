import WinnowGraph
import Foundation
public import WinnowEngine
import WinnowFormats
public import WinnowReport
import WinnowTensor

/// A recipe, a model, data and where results go: what `winnow run` does.
public struct RecipeRun: Sendable {
    public var recipe: Recipe
    public var input: Model
    public var output: String
    public var data: DataSplits?
    /// The HTML report to write, the same as JSON beside it; nil: none.
    public var report: String?
    /// The report's title and the network's name; nil: the graph's name.
    public var name: String?
    /// Where finished steps and checkpoints are kept until the end; nil: a stop loses them.
    public var stateFolder: String?
    /// Fixes every random choice.
    public var seed: UInt64 = 0
    /// Whether anything that was skipped or fell back is an error.
    public var isStrict = false
    /// Files and folders that no output may take the place of, beside the input: the recipe, the data.
    public var sources: [String] = []
    /// Shapes of inputs whose extents neither model nor data tell, as `image=1x3x224x224`.
    public var shapes: [String] = []
    /// What the report judges models by beside top-1 or agreement; the first is what choices are made by, and what steps are judged by.
    public var judges: [Judge] = []
    /// The command that asks for this, as the report says how to get the same.
    public var command: String?

    public init(_ recipe: Recipe, input: Model, output: String, data: DataSplits? = nil) {
        self.recipe = recipe
        self.input = input
        self.output = output
        self.data = data
    }

    private var reportFiles: ReportFiles? { report.map { ReportFiles(page: $0) } }

    /// A report of several steps shows the model after each.
    private var judgesSteps: Bool { report != nil && recipe.passes.count > 1 }

    private var outputFolder: String { URL(fileURLWithPath: output).deletingLastPathComponent().path }

    /// Throws `.usage` if one of the files to be written would take the place of another or of one that is read.
    public func checkOutputs() throws {
        try OutputName.checkModel(output)
        var files = FileRoles(reading: sources)
        if let path = input.path { files.reads(model: path) }
        try files.writes(output, for: "--output", replacing: input.path, makesFolder: true)
        for case .save(let name) in recipe.steps { try files.writes("\(outputFolder)/\(name)", for: "save: \(name)", makesFolder: true) }
        try reportFiles?.check(&files)
        if let stateFolder { try files.writes(folder: stateFolder, for: "--state") }
    }

    /// Runs the recipe on a thread of its own, writes the model and the report, and removes the state once all is written;
    /// cancelling the task ends it with an error of kind `.cancelled`.
    @discardableResult
    public func callAsFunction(
        progress: @escaping @Sendable (Pipeline.Progress) -> Void = { _ in }
    ) async throws -> Report {
        try await Cancellation.ofTask { try self(cancellation: $0, progress: progress) }
    }

    /// The same on the calling thread, which waits for the end.
    @discardableResult
    public func callAsFunction(
        cancellation: Cancellation = Cancellation(), progress: @escaping @Sendable (Pipeline.Progress) -> Void = { _ in }
    ) throws -> Report {
        try checkOutputs()
        let title = name ?? input.graph.name
        let data = data?.kept(for: input.graph)
        // The output may take the input's place, and data or metrics that judge nothing are told of before the work.
        let before = try measuring(data, cancellation) { event in
            progress(Pipeline.Progress(step: 1, stepCount: recipe.steps.count, stepName: "measuring", event: event, fraction: 0))
        }.judged(input, stage: input.fileTitle ?? "input", name: title)
        let result = try pipeline(on: data).run(on: input, cancellation: cancellation, progress: progress)
        do { return try written(result, before, data, title, cancellation, progress) } catch {
            result.folder?.release(after: error)
            throw error
        }
    }

    /// Writes the model and the report, and removes the state.
    private func written(
        _ result: CompressionResult, _ before: ModelMeasurement, _ data: DataSplits?, _ title: String, _ cancellation: Cancellation,
        _ progress: @escaping @Sendable (Pipeline.Progress) -> Void
    ) throws -> Report {
        if isStrict { try Strictness.check(result.findings) }
        let count = recipe.steps.count
        let measuring = try measuring(data, cancellation) { event in
            progress(Pipeline.Progress(step: count, stepCount: count, stepName: "measuring", event: event, fraction: 1))
        }
        try result.model.write(to: output)
        let after = result.saved + [Model(result.model.graph, path: output)].map { ($0.fileTitle ?? "output", $0) }
        var report = Report(
            title: title, environment: Platform.environment, models: try completed { try measuring(input, before, beside: after, name: title) },
            steps: result.steps)
        report.runtimes = RuntimeForm.all(of: result.model.graph)
        report.provenance = Provenance(command: command, recipe: "\(recipe)", seed: seed, data: data?.notes ?? [])
        try reportFiles?.write(report)
        result.folder?.remove(recipe.steps.indices.map(Pipeline.stepName))
        return report
    }

    /// Throws `.cancelled` saying how to go on: the model is written, its report is not.
    private func completed(_ measure: () throws -> [ModelMeasurement]) throws -> [ModelMeasurement] {
        try Cancellation.stopping("run", isKept: stateFolder != nil, measure)
    }

    private func pipeline(on data: DataSplits?) -> Pipeline {
        var pipeline = Pipeline(recipe, data: data)
        (pipeline.seed, pipeline.stateFolder, pipeline.outputFolder) = (seed, stateFolder, outputFolder)
        pipeline.judge = judges.first
        (pipeline.recordsRecipe, pipeline.judgesSteps) = (true, judgesSteps)
        return pipeline
    }

    private func measuring(
        _ data: DataSplits?, _ cancellation: Cancellation, _ progress: @escaping ProgressReporter
    ) throws -> Measuring {
        var options = MeasuringOptions()
        (options.shapes, options.judges, options.cancellation) = (shapes, judges, cancellation)
        var measuring = try Measuring(data?.taken(by: recipe), of: input.graph, options)
        measuring.judgesSteps = judgesSteps
        measuring.evaluation.progress = progress
        return measuring
    }
}
