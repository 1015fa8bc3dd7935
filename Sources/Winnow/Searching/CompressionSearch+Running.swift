import Foundation
public import WinnowEngine
import WinnowFormats
import WinnowGraph
import WinnowPasses
import WinnowReport
import WinnowTensor

extension CompressionSearch {
    /// Searches on a thread of its own, writes the best model, its recipe and the report; cancelling the task ends it with an error of kind
    /// `.cancelled`, after which the same search goes on.
    ///
    /// Throws `.usage` where an output would take the place of a file that is read, or a target cannot be judged, `.data` where data or metric
    /// do not fit.
    public func callAsFunction(
        progress: @escaping @Sendable (Pipeline.Progress) -> Void = { _ in }
    ) async throws -> CompressionOutcome {
        try await Cancellation.ofTask { try self(cancellation: $0, progress: progress) }
    }

    /// The same on the calling thread, which waits for the end.
    public func callAsFunction(
        cancellation: Cancellation = Cancellation(), progress: @escaping @Sendable (Pipeline.Progress) -> Void = { _ in }
    ) throws -> CompressionOutcome {
        try checkOutputs()
        let run = try SearchRun.opening(self, cancellation, progress)
        try run.run()
        return try finish(run, progress)
    }

    /// What would be tried and how long it would take, after what is needed to know it was measured, and whether that may reach the targets.
    public func plan(
        cancellation: Cancellation = Cancellation(), progress: @escaping @Sendable (Pipeline.Progress) -> Void = { _ in }
    ) throws -> (lines: [String], isInReach: Bool) {
        try checkOutputs()
        return try SearchRun.opening(self, cancellation, progress).plan()
    }

    /// The YAML file of the recipe that was found.
    private var recipePath: String { URL(fileURLWithPath: output).deletingPathExtension().path + ".yaml" }
    private var reportFiles: ReportFiles? { report.map { ReportFiles(page: $0) } }

    /// What the recipe's file begins with, so that another search may replace it.
    private static let recipeHead = "# Found by winnow compress.\n"

    /// Throws `.usage` if one of the files to be written would take the place of another, of one that is read, or of somebody's recipe.
    public func checkOutputs() throws {
        guard targets.maxDrop >= 0 else {
            throw WinnowError(
                .usage, "--max-drop", "is \(targets.maxDrop)",
                remedy: "give points of a hundred, or so much of a metric in its unit, 0 or more: 0.5")
        }
        guard timeBudget > .zero else { throw WinnowError(.usage, "--time-budget", "leaves no time", remedy: "write for example 20m") }
        try OutputName.checkModel(output)
        var files = FileRoles(reading: sources)
        if let path = input.path { files.reads(model: path) }
        try files.writes(output, for: "--output", makesFolder: true)
        try files.writes(recipePath, for: "the recipe", makesFolder: true)
        if let bytes = FileManager.default.contents(atPath: recipePath), !bytes.starts(with: Data(Self.recipeHead.utf8)) {
            throw WinnowError(
                .usage, "--output", "\(recipePath), where the recipe is written, is there and was not found by a search", remedy: "give another name")
        }
        try reportFiles?.check(&files)
        try files.writes(folder: folder, for: "--state")
    }

    private func finish(
        _ run: SearchRun, _ progress: @escaping @Sendable (Pipeline.Progress) -> Void
    ) throws -> CompressionOutcome {
        var (found, records) = try run.result()
        if let preparation = data?.preparation { found.graph.metadata.properties[ImagePreparation.property] = preparation }
        try Model(found.graph).write(to: output)
        try AtomicFile.write(Self.recipeHead + run.best.trial.recipe + "\n", to: recipePath)
        let result = Model(found.graph, path: output)
        var measuring = run.measuring
        let count = run.count
        measuring.evaluation.progress = { event in
            progress(Pipeline.Progress(step: count, stepCount: count, stepName: "measuring", event: event, fraction: 1))
        }
        var report = Report(
            title: input.graph.name, environment: Platform.environment,
            models: try measuring(input, run.original, beside: [(result.fileTitle ?? "output", result)], name: input.graph.name), steps: records)
        let outcomes = targets.outcomes(of: run.best.trial, from: run.baseline)
        report.search = SearchSummary(
            targets: outcomes, quality: run.qualityName, trials: run.trials.points(chosen: run.best.trial), notes: run.notes,
            scale: run.baseline.scale)
        report.runtimes = RuntimeForm.all(of: result.graph)
        report.provenance = Provenance(command: command, recipe: run.best.trial.recipe, seed: seed, data: data?.notes ?? [])
        try reportFiles?.write(report)
        run.clean()
        return CompressionOutcome(
            best: run.best.trial, targets: outcomes, trials: run.trials, notes: run.notes, report: report, recipe: recipePath)
    }
}

extension [SearchTrial] {
    /// As reports show them.
    fileprivate func points(chosen: SearchTrial) -> [SearchSummary.Point] {
        let front = Set(front.map(\.name))
        return map { trial in
            SearchSummary.Point(
                title: trial.title, costs: trial.costs, score: trial.score, isOnFront: front.contains(trial.name),
                isChosen: trial.name == chosen.name)
        }
    }
}
