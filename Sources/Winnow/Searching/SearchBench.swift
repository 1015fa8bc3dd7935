import Foundation
import WinnowEngine
import WinnowFormats
import WinnowGraph
import WinnowPasses
import WinnowReport
import WinnowTensor

/// Makes and measures candidates of one model: every step of every recipe once, kept in a folder.
final class SearchBench {
    private let original: Model
    private let pipeline: Pipeline
    private let measuring: Measuring
    private let bench: Bench
    private let latencyProgram: ModelProgram?
    private let cancellation: Cancellation
    private let folder: RunFolder
    /// Whether costs of candidates that are not judged include latency.
    private let timesAll: Bool
    /// Every recipe that was measured, in order; the first is the original.
    private(set) var trials: [SearchTrial] = []
    /// Told how far the work on a candidate is.
    var progress: @Sendable (ProgressEvent) -> Void = { _ in }

    /// - Parameters:
    ///   - pipeline: whose data, judge and seed hold; its recipe is not looked at.
    ///   - latencyProgram: prints the milliseconds of a model's file; nil: latency is that of Winnow on one thread.
    init(
        _ original: Model, _ pipeline: Pipeline, _ measuring: Measuring, latencyProgram: ModelProgram?, timesAll: Bool, folder: RunFolder,
        cancellation: Cancellation
    ) {
        (self.original, self.pipeline, self.measuring, self.folder) = (original, pipeline, measuring, folder)
        (self.latencyProgram, self.timesAll, self.cancellation) = (latencyProgram, timesAll, cancellation)
        bench = Bench(original: original.graph, options: EvaluationOptions(cancellation: cancellation), judge: pipeline.judge)
    }

    // MARK: Models

    /// What a recipe makes, as it lies in the folder.
    func model(of steps: [PassStep]) throws -> Model {
        let (name, path) = (Self.name(of: steps), folder.path(of: Self.name(of: steps)))
        guard let last = steps.last else {
            if !FileManager.default.fileExists(atPath: path) { try original.write(to: path) }
            return try Model(reading: path)
        }
        if let finished = try folder.finished(name) { return Model(finished.graph, path: path) }
        var graph = try model(of: steps.dropLast()).graph
        _ = try pipeline.apply(last, as: name, to: &graph, of: original, in: folder, cancellation) { [progress] in progress($0) }
        return Model(graph, path: path)
    }

    /// What the steps of a recipe that was made did.
    func records(of steps: [PassStep]) throws -> [Report.Step] {
        try steps.indices.compactMap { try folder.record(of: Self.name(of: Array(steps[...$0]))) }
    }

    /// Drops the files of all recipes but those of these trials; what was measured stays known.
    func keepModels(of kept: [SearchTrial]) { folder.dropGraphs(except: Set(kept.map(\.name))) }

    /// What the copy of the original is called.
    static let originalName = "original"

    /// Differs where recipes do.
    private static func name(of steps: [PassStep]) -> String {
        guard !steps.isEmpty else { return originalName }
        var hash = ContentHash()
        hash.add(recipe(of: steps))
        return "trial-\(hash.text.prefix(16))"
    }

    private static func recipe(of steps: [PassStep]) -> String { Recipe(steps: steps.map { .pass($0) }).description }

    // MARK: Measurements

    /// Measures what a recipe makes, once.
    ///
    /// - Parameters:
    ///   - title: what was done, in words.
    ///   - isJudged: whether its quality is measured, and not its costs alone.
    func trial(_ steps: [PassStep], _ title: String, isJudged: Bool = true) throws -> SearchTrial {
        let name = Self.name(of: steps)
        let state = folder.state(of: name).part("measured")
        let known = try trials.first { $0.name == name } ?? state.load(SearchTrial.self)?.record
        if let known, suffices(known, isJudged: isJudged) { keep(known); return known }
        let start = ContinuousClock.now
        let made = try model(of: steps)
        // What came as a file is as large as that file.
        let model = steps.isEmpty && original.path != nil ? original : made
        let judged = isJudged ? try score(of: model) : (score: known?.score, scale: known?.scale)
        var trial = SearchTrial(
            name: name, title: title, recipe: Self.recipe(of: steps), costs: try costs(of: model, isTimed: isJudged || timesAll),
            score: judged.score, scale: judged.scale, seconds: 0)
        trial.seconds = (known?.seconds ?? 0) + (ContinuousClock.now - start) / .seconds(1)
        try state.save(trial)
        keep(trial)
        return trial
    }

    private func keep(_ trial: SearchTrial) {
        if let place = trials.firstIndex(where: { $0.name == trial.name }) { trials[place] = trial } else { trials.append(trial) }
    }

    /// Whether an earlier measurement tells all that is asked for.
    private func suffices(_ trial: SearchTrial, isJudged: Bool) -> Bool {
        let needsScore = isJudged && pipeline.data?.validation != nil
        let needsLatency = (isJudged || timesAll) && trials.first.map { $0[.latency] != nil } ?? false
        return (!needsScore || trial.score != nil) && (!needsLatency || trial[.latency] != nil)
    }

    /// Larger is better; on the original's scale, that of parts of one being nil.
    private func score(of model: Model) throws -> (score: Double?, scale: ScoreScale?) {
        guard let validation = pipeline.data?.validation else { return (nil, nil) }
        let whole = try bench.trial(original.graph, on: validation)
        let scale = whole.quality.scale
        return (try bench.trial(model.graph, on: validation).score(beside: whole), scale == .parts ? nil : scale)
    }

    private func costs(of model: Model, isTimed: Bool) throws -> [CompressionCost: Double] {
        try cancellation.check("search")
        let shapes = measuring.shapes(for: model.graph, of: original.graph)
        let cost = try model.cost(model: "", stage: "", shapes: shapes, histograms: false)
        var costs: [CompressionCost: Double] = [:]
        costs[.size] = cost.byteCount.map(Double.init)
        costs[.zippedSize] = cost.zippedByteCount.map(Double.init)
        costs[.multiplyAccumulates] = cost.multiplyAccumulates.map(Double.init)
        costs[.latency] = isTimed ? try latency(of: model) : nil
        return costs
    }

    /// Milliseconds; Winnow's beside the original, so that what the machine does meanwhile meets both alike. nil where an extent is open.
    private func latency(of model: Model) throws -> Double? {
        if let latencyProgram {
            let time = try latencyProgram.number(of: model, cancellation)
            guard time > 0 else {
                throw WinnowError(.data, "\(latencyProgram)", "prints \(time), which is no latency", remedy: "let it print milliseconds above 0")
            }
            return time
        }
        let speeds = try measuring.speeds(of: [original.graph, model.graph], onAllThreads: false)
        guard let before = speeds[0], let after = speeds[1] else { return nil }
        guard let whole = trials.first?[.latency] else { return before.latency.medianMilliseconds }
        return whole / (after.speedup?.ratio ?? 1)
    }

    /// What was judged, as reports call it; nil where there are no data to judge by.
    func qualityName() throws -> String? {
        guard let validation = pipeline.data?.validation else { return nil }
        return try bench.trial(original.graph, on: validation).quality.name
    }
}
