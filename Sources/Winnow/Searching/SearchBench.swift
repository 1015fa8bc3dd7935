import Foundation
import WinnowEngine
import WinnowFormats
import WinnowGraph
import WinnowPasses
import WinnowReport
import WinnowTensor

/// Makes and measures candidates of one model: every step of every recipe once, kept in a folder.
final class SearchBench {
    let original: Model
    private let pipeline: Pipeline
    private let measuring: Measuring
    private let bench: Bench
    private let latencyProgram: ModelProgram?
    private let cancellation: Cancellation
    let folder: RunFolder
    /// Every recipe that was measured whole, in order; the first is the original.
    private(set) var trials: [SearchTrial] = []
    /// Reports how far the work within a trial is.
    var progress: @Sendable (_ title: String, ProgressEvent) -> Void = { _, _ in }

    /// - Parameters:
    ///   - pipeline: whose data, judge and seed hold; its recipe is not looked at.
    ///   - latencyProgram: prints the milliseconds of a model's file; nil: latency is that of Winnow on one thread.
    init(
        _ original: Model, _ pipeline: Pipeline, _ measuring: Measuring, latencyProgram: ModelProgram?, folder: RunFolder, cancellation: Cancellation
    ) {
        (self.original, self.pipeline, self.measuring, self.folder) = (original, pipeline, measuring, folder)
        (self.latencyProgram, self.cancellation) = (latencyProgram, cancellation)
        bench = Bench(original: original.graph, options: EvaluationOptions(cancellation: cancellation), judge: pipeline.judge)
    }

    /// What a recipe makes, and what each of its steps did.
    func result(of steps: [PassStep]) throws -> (model: Model, records: [Report.Step]) {
        guard let last = steps.last else { return (try storedOriginal(), []) }
        let name = Self.name(of: steps)
        let (before, records) = try result(of: steps.dropLast())
        var graph = before.graph
        let title = Self.title(of: steps)
        let record = try pipeline.apply(last, as: name, to: &graph, of: original, in: folder, cancellation) { [progress] in progress(title, $0) }
        return (Model(graph, path: folder.path(of: name)), records + [record])
    }

    /// The original as a file of the folder, which is what steps begin from.
    private func storedOriginal() throws -> Model {
        let path = folder.path(of: Self.originalName)
        if !FileManager.default.fileExists(atPath: path) { try original.write(to: path) }
        return try Model(reading: path)
    }

    private static let originalName = "original"

    /// Differs where recipes do.
    private static func name(of steps: [PassStep]) -> String {
        guard !steps.isEmpty else { return originalName }
        var hash = ContentHash()
        hash.add(recipe(of: steps))
        return "trial-\(hash.text.prefix(16))"
    }

    static func recipe(of steps: [PassStep]) -> String { Recipe(steps: steps.map { .pass($0) }).description }

    /// `structured-pruning 0.5, 4 epochs, static-quantization`; steps that only tidy up are left out.
    static func title(of steps: [PassStep]) -> String {
        var words: [String] = []
        var epochs = 0
        for step in steps {
            if let pass = step.pass as? Finetune, SearchSpace.isPlain(pass) { epochs += pass.epochs; continue }
            if epochs > 0 { words.append(SearchSpace.words(epochs: epochs)) }
            epochs = 0
            words += SearchSpace.words(for: step).map { [$0] } ?? []
        }
        if epochs > 0 { words.append(SearchSpace.words(epochs: epochs)) }
        return words.isEmpty ? (steps.isEmpty ? "as it came" : "tidied up") : words.joined(separator: ", ")
    }

    /// Measures what a recipe makes, once.
    ///
    /// - Parameter isScored: whether its quality counts, and not its costs alone.
    func trial(_ steps: [PassStep], isScored: Bool = true) throws -> SearchTrial {
        let name = Self.name(of: steps)
        if let known = trials.first(where: { $0.name == name }), known.score != nil || !isScored { return known }
        let state = folder.state(of: name).part("measured")
        var trial: SearchTrial
        if let (kept, _) = try state.load(SearchTrial.self), kept.score != nil || !isScored || pipeline.data == nil {
            trial = kept
        } else {
            let start = ContinuousClock.now
            let model = try result(of: steps).model
            trial = SearchTrial(
                name: name, title: Self.title(of: steps), recipe: Self.recipe(of: steps), costs: try costs(of: model, isTimed: isScored || timesAll),
                score: isScored ? try score(of: model) : nil, seconds: 0)
            trial.seconds = (ContinuousClock.now - start) / .seconds(1)
            try state.save(trial)
        }
        trials.removeAll { $0.name == name }
        trials.append(trial)
        return trial
    }

    private func score(of model: Model) throws -> Double? {
        guard let validation = pipeline.data?.validation else { return nil }
        return try bench.trial(model.graph, on: validation.renamed(from: original.graph, to: model.graph)).quality.score
    }

    /// Whether the costs of what is not scored include latency.
    var timesAll = false

    private func costs(of model: Model, isTimed: Bool) throws -> [String: Double] {
        try cancellation.check("search")
        let cost = try measuring.costs(of: [("", original), ("", model)], name: "", histograms: false)[1]
        var costs: [CompressionCost: Double] = [:]
        costs[.size] = cost.byteCount.map(Double.init)
        costs[.zippedSize] = cost.zippedByteCount.map(Double.init)
        costs[.multiplyAccumulates] = cost.multiplyAccumulates.map(Double.init)
        costs[.latency] = isTimed ? try latency(of: model) : nil
        return Dictionary(uniqueKeysWithValues: costs.map { ($0.key.rawValue, $0.value) })
    }

    /// Milliseconds, so that what the machine does meanwhile meets the original alike; nil where an extent is open.
    private func latency(of model: Model) throws -> Double? {
        if let latencyProgram {
            return try latencyProgram.number(of: model, cancellation)
        }
        let speeds = try measuring.speeds(of: [original.graph, model.graph], onAllThreads: false)
        guard let before = speeds[0], let after = speeds[1] else { return nil }
        guard let whole = trials.first?[.latency] else { return before.latency.medianMilliseconds }
        return whole / (after.speedup?.ratio ?? 1)
    }

    /// What was judged, as reports call it.
    func qualityName() throws -> String? {
        guard let validation = pipeline.data?.validation else { return nil }
        return try bench.trial(original.graph, on: validation).quality.name
    }
}
