import Foundation
import WinnowEngine
import WinnowFormats
import WinnowGraph
import WinnowPasses
import WinnowReport
import WinnowTensor

/// One search as it goes.
final class SearchRun {
    private let search: CompressionSearch
    private let space: SearchSpace
    private let cancellation: Cancellation
    private let report: @Sendable (Pipeline.Progress) -> Void
    let bench: SearchBench
    let measuring: Measuring
    let baseline: SearchTrial
    private let pace: SearchPace
    private(set) var bestTrial: SearchTrial
    private var bestSteps: [PassStep] = []
    /// By the name of the trial.
    private var steps: [String: [PassStep]] = [:]
    private(set) var notes: [String] = []
    let qualityName: String?
    private var (done, planned) = (0, 1)

    /// Opens the folder, measures the original and how fast it trains.
    init(_ search: CompressionSearch, _ cancellation: Cancellation, _ report: @escaping @Sendable (Pipeline.Progress) -> Void) throws {
        (self.search, self.cancellation, self.report) = (search, cancellation, report)
        let input = search.input
        let data = search.data?.kept(for: input.graph)
        space = try SearchSpace(input.graph, data, search.targets, profile: search.profile)
        var options = MeasuringOptions()
        (options.shapes, options.cancellation) = (search.shapes, cancellation)
        options.judges = search.judge.map { [$0] } ?? []
        measuring = try Measuring(data, of: input.graph, options)
        var pipeline = Pipeline(Recipe {}, data: data)
        (pipeline.judge, pipeline.seed, pipeline.stateFolder) = (search.judge, search.seed, search.folder)
        pipeline.recordsRecipe = true
        let latency = search.latencyProgram.map { ["\($0)"] } ?? []
        let fingerprint = try Fingerprint(
            models: [input.graph], data: [data?.training, data?.validation, data?.test],
            settings: (search.judge.map { ["\($0)"] } ?? []) + latency + search.shapes, seed: search.seed)
        let folder = try RunFolder(search.folder, of: fingerprint)
        bench = SearchBench(
            input, pipeline, measuring, latencyProgram: search.latencyProgram, folder: folder, cancellation: cancellation)
        bench.timesAll = search.targets.limits.isEmpty || search.targets.limits[.latency] != nil
        baseline = try bench.trial([])
        bestTrial = baseline
        qualityName = try bench.qualityName()
        if let score = baseline.score, !score.isFinite {
            throw WinnowError(.data, "metric", "of the original is no number", remedy: "check the data and the metric")
        }
        pace = try SearchPace.measured(space, of: input.graph, data, baseline, in: folder.state(of: "pace"), seed: search.seed, cancellation)
        bench.progress = { [report] title, event in
            report(Pipeline.Progress(step: 0, stepCount: 0, stepName: title, event: event, fraction: event.fraction))
        }
        steps[baseline.name] = []
        if data == nil { notes.append("no data: weights alone are stored in fewer bits, and what that loses is not measured; give --data") }
        if let objection = pace.objection { notes.append("nothing is trained: \(objection)") }
        if let short = timeShortage { notes.append(short) }
    }

    // MARK: What there is time for

    /// Epochs of the original that there is time for.
    private var affordableEpochs: Int {
        guard let seconds = pace.secondsPerEpoch, seconds > 0 else { return 0 }
        let total = search.timeBudget / .seconds(1)
        let trials = Double(space.storages.count + 8 * max(1, space.reductions.count)) * pace.secondsPerTrial
        let epochs = (total * Self.trainedPart - trials) / seconds
        // A power of two: what another measurement of the pace gives is seldom another plan.
        return epochs < 1 ? 0 : 1 << Int(log2(min(epochs, 1e6)))
    }

    private var isOutOfTime: Bool { bench.trials.reduce(0) { $0 + $1.seconds } > search.timeBudget / .seconds(1) }

    /// The part of the time that may be planned: what follows on a busy machine takes longer than what was measured.
    private static let trainedPart = 0.8

    private var timeShortage: String? {
        guard space.trains, pace.objection == nil, affordableEpochs < 2 else { return nil }
        return "the time budget leaves no time to train: an epoch takes \(Int((pace.secondsPerEpoch ?? 0).rounded(.up))) s; give --time-budget"
    }

    private func note(_ text: String) { if !notes.contains(text) { notes.append(text) } }

    // MARK: Trials

    /// How many recipes are tried, as far as is known.
    var count: Int { max(planned, done + 1) }

    /// Measures a recipe; nil, with a note, where a step is impossible on this model.
    private func tried(_ recipe: [PassStep], isScored: Bool = true) throws -> SearchTrial? {
        let (number, count) = (done + 1, count)
        bench.progress = { [report] title, event in
            report(
                Pipeline.Progress(
                    step: number, stepCount: count, stepName: title, event: event,
                    fraction: min(1, (Double(number - 1) + event.fraction) / Double(count))))
        }
        defer { done += 1 }
        do {
            let trial = try bench.trial(recipe, isScored: isScored)
            steps[trial.name] = recipe
            if isScored, search.targets.prefers(trial, to: bestTrial, from: baseline) { (bestTrial, bestSteps) = (trial, recipe) }
            try SearchFolder(search.folder).write(bench.trials, baseline: baseline.name, quality: qualityName)
            return trial
        } catch let error as WinnowError where error.kind != .cancelled && error.kind != .file {
            note("\(SearchBench.title(of: recipe)) could not be tried: \(error)")
            return nil
        }
    }

    // MARK: The search

    /// One way to the targets: what is left away and how the rest is stored.
    private struct Candidate {
        /// What is left away, and how much; nil: nothing is.
        var reduction: (way: SearchSpace.Reduction, strength: Double)?
        var steps: [PassStep]
        var storage: SearchSpace.Storage
        var epochs = 0
        var trial: SearchTrial?
    }

    func searchAll() throws {
        planned = 1 + space.storages.count
        let stored = try storedTrials()
        guard space.trains, pace.objection == nil else { return }
        var candidates = try self.candidates(stored)
        let plan = HalvingPlan(candidates: candidates.count, epochs: affordableEpochs, longest: space.longestTraining)
        planned = done + plan.rounds.reduce(0) { $0 + $1.count } + 2
        for (number, (count, epochs)) in plan.rounds.enumerated() {
            candidates = Array(candidates.prefix(count))
            for place in candidates.indices { try train(&candidates[place], epochs) }
            let roundsLeft = plan.rounds.count - 1 - number
            candidates = candidates.filter { $0.trial != nil }.sorted { a, b in
                guard let a = a.trial, let b = b.trial else { return false }
                return search.targets.prefers(a, to: b, from: baseline, roundsLeft: roundsLeft)
            }
        }
        guard let first = candidates.first else { return }
        if search.targets.excess(of: bestTrial, from: baseline) > 0 {
            try trainOn(first, epochs: min(space.longestTraining, plan.reserve))
        } else if search.targets.limits.isEmpty {
            try strengthen(first, epochs: plan.reserve)
        }
    }

    /// Without limits, what is left of the time goes into more strength, halfway to what failed.
    private func strengthen(_ candidate: Candidate, epochs: Int) throws {
        guard let (way, strength) = candidate.reduction, candidate.epochs > 0 else { return }
        var (holds, fails, left) = (strength, 1.0, epochs)
        while left >= candidate.epochs, !isOutOfTime, fails - holds > 1 / Double(Self.grain) {
            let middle = (holds + fails) / 2
            var next = Candidate(reduction: (way, middle), steps: space.prelude + way.make(middle) + way.repair, storage: candidate.storage)
            planned = done + 2
            try train(&next, candidate.epochs)
            left -= candidate.epochs
            guard let trial = next.trial, search.targets.excess(of: trial, from: baseline) == 0 else { fails = middle; continue }
            holds = middle
        }
    }

    /// The model as it is in every storage.
    private func storedTrials() throws -> [(storage: SearchSpace.Storage, trial: SearchTrial)] {
        var result: [(storage: SearchSpace.Storage, trial: SearchTrial)] = []
        for storage in space.storages {
            if storage.isCareful, let before = result.last, before.trial.drop(from: baseline) <= search.targets.maxDrop { continue }
            if let trial = try tried(space.prelude + storage.steps + storage.last) { result.append((storage, trial)) }
        }
        return result
    }

    private func train(_ candidate: inout Candidate, _ epochs: Int) throws {
        guard !isOutOfTime else { return note("the time budget ended before all was tried") }
        let steps = candidate.steps + [space.recovery(epochs: epochs)]
        candidate.trial = try tried(steps + candidate.storage.steps + candidate.storage.last)
        // The same without codes is another point of the front.
        if candidate.trial != nil, !candidate.storage.steps.isEmpty, search.targets.limits.isEmpty { _ = try tried(steps) }
        candidate.steps = steps
        candidate.epochs += epochs
    }

    /// Where what was trained misses a target, training goes on: with the codes in place where there are some, else as before.
    private func trainOn(_ candidate: Candidate, epochs: Int) throws {
        guard epochs > 0, !isOutOfTime else { return }
        let recovery = space.recovery(epochs: epochs)
        if candidate.storage.isTrainable { _ = try tried(candidate.steps + candidate.storage.steps + [recovery] + candidate.storage.last) }
        if let pass = candidate.storage.trained { _ = try tried(candidate.steps + [space.recovery(epochs: epochs, with: pass)] + candidate.storage.last) }
        if candidate.storage.trained == nil, !candidate.storage.isTrainable { _ = try tried(candidate.steps + [recovery] + candidate.storage.steps + candidate.storage.last) }
    }

    /// What is trained: every storage alone that meets the costs and loses too much, and every reduction with every storage, each as
    /// gentle as the costs allow; without limits, reductions of several strengths stored as what did best.
    private func candidates(_ stored: [(storage: SearchSpace.Storage, trial: SearchTrial)]) throws -> [Candidate] {
        let targets = search.targets
        guard !targets.limits.isEmpty else {
            let best = stored.filter { $0.trial.drop(from: baseline) <= targets.maxDrop }
                .min { targets.prefers($0.trial, to: $1.trial, from: baseline) }?.storage ?? SearchSpace.Storage(steps: [])
            return try space.reductions.flatMap { reduction in
                try Self.strengths.compactMap { strength in
                    let steps = space.prelude + reduction.make(strength)
                    guard let cost = try tried(steps, isScored: false), targets.remainder(of: cost, from: baseline) < 0.97 else { return nil }
                    return Candidate(reduction: (reduction, strength), steps: steps + reduction.repair, storage: best)
                }
            }
        }
        var result: [Candidate] = []
        for (storage, trial) in stored {
            if isWithinLimits(trial, parts: [:]) {
                if trial.drop(from: baseline) > targets.maxDrop, storage.isTrainable {
                    result.append(Candidate(steps: space.prelude + storage.steps, storage: SearchSpace.Storage(steps: [], last: storage.last)))
                }
                continue
            }
            let parts = Dictionary(uniqueKeysWithValues: CompressionCost.allCases.compactMap { cost in
                trial.part(cost, of: baseline).map { (cost, $0) }
            })
            for reduction in space.reductions where storage.isCombined {
                guard let strength = try gentlest(reduction, parts).flatMap({ try sufficient(reduction, storage, from: $0) }) else { continue }
                result.append(
                    Candidate(reduction: (reduction, strength), steps: space.prelude + reduction.make(strength) + reduction.repair,
                        storage: storage))
            }
        }
        return result
    }

    private static let strengths = [0.25, 0.5, 0.75]

    /// Strengths between nothing and all that are told apart.
    private static let grain = 16
    /// What a prediction may be off, so that what was trained meets the limit too.
    private static let margin = 0.97

    /// The smallest strength with which costs are predicted to stay within the limits, found by bisection; nil where none does.
    ///
    /// - Parameter parts: what the storage leaves of each cost.
    private func gentlest(_ reduction: SearchSpace.Reduction, _ parts: [CompressionCost: Double]) throws -> Double? {
        func strength(_ grains: Int) -> Double { Double(grains) / Double(Self.grain) }
        func holds(_ grains: Int) throws -> Bool {
            guard let trial = try tried(space.prelude + reduction.make(strength(grains)), isScored: false) else { return false }
            return isWithinLimits(trial, parts: parts)
        }
        var (fails, succeeds) = (0, Self.grain)
        while succeeds - fails > 1 {
            let middle = (fails + succeeds) / 2
            if try holds(middle) { succeeds = middle } else { fails = middle }
        }
        return succeeds < Self.grain ? strength(succeeds) : nil
    }

    /// The strength, or the next with which costs are within the limits once the model is stored; nil where none is.
    private func sufficient(_ reduction: SearchSpace.Reduction, _ storage: SearchSpace.Storage, from strength: Double) throws -> Double? {
        var (strength, before) = (strength, Double.infinity)
        while strength < 1 {
            guard let trial = try tried(space.prelude + reduction.make(strength) + storage.steps + storage.last, isScored: false) else { return nil }
            if isWithinLimits(trial, parts: [:]) { return strength }
            // More strength takes nothing more where all that can go is gone.
            let left = search.targets.remainder(of: trial, from: baseline)
            guard left < 0.99 * before else { return nil }
            before = left
            let next = strength + (1 - strength) / 4
            strength = (next * Double(Self.grain)).rounded(.up) / Double(Self.grain)
        }
        return nil
    }

    /// Whether costs are within the limits, times the parts that a storage leaves where these are given.
    private func isWithinLimits(_ trial: SearchTrial, parts: [CompressionCost: Double]) -> Bool {
        search.targets.limits.allSatisfy { cost, amount in
            guard let own = trial[cost], let whole = baseline[cost] else { return true }
            let limit = amount.limit(of: whole)
            guard let part = parts[cost] else { return own <= limit }
            return own * part <= limit * Self.margin
        }
    }

    // MARK: Results

    func best() throws -> (model: Model, records: [Report.Step]) { try bench.result(of: bestSteps) }

    /// What would be tried, in words.
    func plan() throws -> [String] {
        let stored = try storedTrials()
        var lines = ["measured: the original and \(stored.count) ways to store it"]
        guard space.trains, pace.objection == nil else { return lines + notes }
        let candidates = try self.candidates(stored)
        let plan = HalvingPlan(candidates: candidates.count, epochs: affordableEpochs, longest: space.longestTraining)
        let seconds = pace.secondsPerEpoch ?? 0
        lines += candidates.map { "candidate: \(SearchBench.title(of: $0.steps + $0.storage.steps + $0.storage.last))" }
        for (number, round) in plan.rounds.enumerated() {
            let time = Double(round.count * round.epochs) * seconds
            lines.append("round \(number + 1): \(round.count) candidates, \(round.epochs) epochs each, about \(Int(time.rounded(.up))) s")
        }
        return lines + notes
    }

    /// Drops the files of candidates but for these; what was measured of the others stays known.
    func keepOnly(_ names: Set<String>) {
        for trial in bench.trials where !names.contains(trial.name) { bench.folder.dropGraph(of: trial.name) }
    }
}

extension SearchPace {
    /// Read back where an earlier run measured it, else measured on few samples.
    static func measured(
        _ space: SearchSpace, of model: Graph, _ data: DataSplits?, _ baseline: SearchTrial, in state: RunState, seed: UInt64,
        _ cancellation: Cancellation
    ) throws -> SearchPace {
        if let (pace, _) = try state.load(SearchPace.self) { return pace }
        var pace = SearchPace(secondsPerTrial: baseline.seconds)
        if let training = data?.training, space.trains {
            // Long enough that planning the first step counts little.
            let sample = training.drawn(min(training.count, sampleCount), seed: seed)
            var context = PassContext(training: sample, validation: nil, seed: seed, cancellation: cancellation)
            context.teacher = model
            do {
                func seconds(_ epochs: Int) throws -> Double {
                    let start = ContinuousClock.now
                    _ = try space.recovery(epochs: epochs).pass(model, in: context)
                    return (ContinuousClock.now - start) / .seconds(1)
                }
                let (one, three) = try (seconds(1), seconds(3))
                pace.secondsPerEpoch = max(1e-3, (three - one) / 2) * Double(training.count) / Double(sample.count) + (data?.validation == nil ? 0 : baseline.seconds / 2)
            } catch let error as WinnowError where error.kind != .cancelled {
                pace.objection = "\(error)"
            }
        }
        try state.save(pace)
        return pace
    }

    private static let sampleCount = 512
}
