import Foundation
public import WinnowEngine
import WinnowFormats
import WinnowGraph
import WinnowPasses
import WinnowReport
import WinnowTensor

extension CompressionSearch {
    /// Searches, writes the best model, its recipe and the report.
    ///
    /// Throws `.usage` where an output would take the place of a file that is read, `.data` where data or metric do not fit, `.cancelled`
    /// where a stop was asked for: the same search then goes on.
    public func callAsFunction(
        cancellation: Cancellation = Cancellation(), progress: @escaping @Sendable (Pipeline.Progress) -> Void = { _ in }
    ) throws -> CompressionOutcome {
        try checkOutputs()
        let run = try SearchRun(self, cancellation, progress)
        try run.searchAll()
        return try finish(run, cancellation, progress)
    }

    /// What would be tried and how long it would take, after what is needed to know it was measured.
    public func plan(
        cancellation: Cancellation = Cancellation(), progress: @escaping @Sendable (Pipeline.Progress) -> Void = { _ in }
    ) throws -> [String] {
        try checkOutputs()
        return try SearchRun(self, cancellation, progress).plan()
    }

    /// The YAML file of the recipe that was found.
    var recipePath: String { URL(fileURLWithPath: output).deletingPathExtension().path + ".yaml" }
    private var jsonReport: String? { report.map { URL(fileURLWithPath: $0).deletingPathExtension().path + ".json" } }

    /// Throws `.usage` if one of the files to be written would take the place of another or of one that is read.
    public func checkOutputs() throws {
        guard targets.maxDrop >= 0 else { throw WinnowError(.usage, "--max-drop", "is negative", remedy: "give points of a hundred: 0.5") }
        guard timeBudget > .zero else { throw WinnowError(.usage, "--time-budget", "leaves no time", remedy: "write for example 20m") }
        try OutputName.checkModel(output)
        var files = FileRoles(reading: sources)
        if let path = input.path { files.reads(model: path) }
        try files.writes(output, for: "--output", replacing: nil)
        try files.writes(recipePath, for: "the recipe")
        if let report, let jsonReport {
            try OutputName.checkPage(report)
            try files.writes(report, for: "--report")
            try files.writes(jsonReport, for: "--report, as JSON,")
        }
        try files.writes(folder, for: "--state")
    }

    private func finish(
        _ run: SearchRun, _ cancellation: Cancellation, _ progress: @escaping @Sendable (Pipeline.Progress) -> Void
    ) throws -> CompressionOutcome {
        let (model, records) = try run.best()
        try Model(model.graph).write(to: output)
        try AtomicFile.write(run.bestTrial.recipe + "\n", to: recipePath)
        let stages = [(Self.stage(of: input.path), input), (Self.stage(of: output), Model(model.graph, path: output))]
        var measuring = run.measuring
        let count = run.count
        measuring.evaluation.progress = { event in
            progress(Pipeline.Progress(step: count, stepCount: count, stepName: "measuring", event: event, fraction: 1))
        }
        var report = Report(
            title: input.graph.name, environment: Platform.environment,
            models: try measuring(stages.map { (stage: $0.0, model: $0.1) }, name: input.graph.name), steps: records)
        let outcomes = targets.outcomes(of: run.bestTrial, from: run.baseline)
        let trials = run.bench.trials
        let front = Set(trials.filter { $0.score != nil || data == nil }.front.map(\.name))
        report.search = SearchSummary(
            targets: outcomes, quality: run.qualityName,
            trials: trials.map { trial in
                SearchSummary.Point(
                    title: trial.title, costs: trial.costs, score: trial.score, isOnFront: front.contains(trial.name),
                    isChosen: trial.name == run.bestTrial.name)
            }, notes: run.notes)
        if let page = self.report, let jsonReport {
            try AtomicFile.write(report.html, to: page)
            try AtomicFile.write(Array(try report.json()), to: jsonReport)
        }
        run.keepOnly(front.union([run.bestTrial.name]))
        return CompressionOutcome(
            best: run.bestTrial, targets: outcomes, trials: trials, notes: run.notes, report: report, recipe: recipePath)
    }

    private static func stage(of path: String?) -> String {
        path.map { URL(fileURLWithPath: $0).deletingPathExtension().lastPathComponent } ?? "input"
    }
}
