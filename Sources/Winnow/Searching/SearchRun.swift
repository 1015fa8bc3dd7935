import Foundation
import WinnowEngine
import WinnowGraph
import WinnowPasses
import WinnowReport
import WinnowTensor

/// One search as it goes.
final class SearchRun {
    private let search: CompressionSearch
    private let space: SearchSpace
    private let bench: SearchBench
    private let pace: SearchPace
    private let report: @Sendable (Pipeline.Progress) -> Void
    let measuring: Measuring
    let baseline: SearchTrial
    /// The original as the report shows it; data and metrics that judge nothing are told of before the search.
    let original: ModelMeasurement
    /// What scores are; nil where there are none.
    let qualityName: String?
    /// The best so far.
    private(set) var best: (trial: SearchTrial, steps: [PassStep])
    /// What could not be tried, and what else must be known.
    private(set) var notes: [String] = []
    /// Recipes that were tried, and that are going to be as far as is known.
    private var (done, planned) = (0, 1)

    private var targets: CompressionTargets { search.targets }
    var trials: [SearchTrial] { bench.trials }
    /// How many recipes are tried, as far as is known.
    var count: Int { max(planned, done + 1) }

    /// Opens the folder and begins; what ends with an error here leaves no folder in the way of a search that does it right.
    static func opening(
        _ search: CompressionSearch, _ cancellation: Cancellation, _ report: @escaping @Sendable (Pipeline.Progress) -> Void
    ) throws -> SearchRun {
        let model = search.input.graph
        let data = search.data?.kept(for: model)
        var options = MeasuringOptions()
        (options.shapes, options.cancellation, options.judges) = (search.shapes, cancellation, search.judge.map { [$0] } ?? [])
        let measuring = try Measuring(data, of: model, options)
        if measuring.shapes(for: model, of: model).request(for: model) != nil {
            let measured: [CompressionCost] = search.latencyProgram == nil ? [.multiplyAccumulates, .latency] : [.multiplyAccumulates]
            for cost in measured where search.targets.limits[cost] != nil { throw unknown(cost) }
        }
        let programs = [search.judge.map { "\($0)" }, search.latencyProgram.map { "\($0)" }]
        let folder = try RunFolder(
            search.folder,
            of: Fingerprint(
                models: [model], data: [data?.training, data?.validation, data?.test],
                settings: programs.map { $0 ?? "" } + search.shapes, seed: search.seed))
        do { return try SearchRun(search, data, measuring, folder, cancellation, report) } catch {
            folder.release(after: error, without: SearchBench.originalName)
            throw error
        }
    }

    private static func unknown(_ cost: CompressionCost) -> WinnowError {
        WinnowError(
            .usage, "the target for \(cost.words)", "cannot be judged: that of the original is not known, for an extent of its inputs is open",
            remedy: "give --shape")
    }

    /// Measures the original and how fast it trains.
    private init(
        _ search: CompressionSearch, _ data: DataSplits?, _ measuring: Measuring, _ folder: RunFolder, _ cancellation: Cancellation,
        _ report: @escaping @Sendable (Pipeline.Progress) -> Void
    ) throws {
        (self.search, self.report, self.measuring) = (search, report, measuring)
        let model = search.input.graph
        var pipeline = Pipeline(Recipe {}, data: data)
        (pipeline.judge, pipeline.seed, pipeline.stateFolder, pipeline.recordsRecipe) = (search.judge, search.seed, search.folder, true)
        let limits = search.targets.limits
        bench = SearchBench(
            search.input, pipeline, measuring, latencyProgram: search.latencyProgram, timesAll: limits.isEmpty || limits[.latency] != nil,
            folder: folder, cancellation: cancellation)
        baseline = try bench.trial([], "as it came")
        space = try SearchSpace(model, data, search.targets, profile: search.profile, scale: baseline.scale ?? .parts)
        original = try measuring.judged(search.input, stage: search.input.fileTitle ?? "input", name: model.name)
        best = (baseline, [])
        for cost in CompressionCost.allCases where limits[cost] != nil && baseline[cost] == nil { throw Self.unknown(cost) }
        qualityName = try bench.qualityName()
        var context = PassContext(seed: search.seed, cancellation: cancellation)
        (context.teacher, context.judge) = (model, search.judge)
        pace = try SearchPace.measured(space, of: model, data, context, in: folder.state(of: "pace"))
        if data == nil { note("no data: weights alone are stored in fewer bits, and what that loses is not measured; give --data") }
        if let objection = pace.objection { note("nothing is trained: \(objection)") }
        if let remark = judgeRemark { note(remark) }
    }

    /// How the numbers of a metric are read, where it does not say itself that they are parts of one.
    private var judgeRemark: String? {
        guard let judge = search.judge, judge.isPart != true, let value = baseline.measuredScore else { return nil }
        let scale = baseline.scale ?? .parts
        let direction = !judge.isHigherBetter ? "lower is better" : "higher is better" + (judge.isPart == nil ? " (--lower-is-better: a loss)" : "")
        let unit = scale.isPart ? "points of a hundred" : "its own unit, no part of 1: may lose \(targets.maxDrop.shortText)\(scale.dropUnit)"
        return "\(judge.name) is \(value.shortText) for the original; \(direction), and a drop counts in \(unit)"
    }

    /// Says where a metric gives every candidate what it gives the original.
    private func noteConstant() {
        let others = trials.dropFirst().compactMap(\.score)
        // One alone may be the original in other words.
        guard let name = search.judge?.name ?? qualityName, let value = baseline.measuredScore, others.count > 1,
            others.allSatisfy({ $0 == baseline.score })
        else { return }
        let all = "for every candidate that was judged (\(others.count))"
        let remedy = search.judge == nil ? "; more samples, or another --metric, may" : ""
        note("\(name) is \(value.shortText) for the original and \(all): it does not tell them apart\(remedy)")
    }

    private func note(_ text: String) { if !notes.contains(text) { notes.append(text) } }

    // MARK: Time

    /// The part of the time that is planned: beside training, what was trained is stored and measured.
    private static let trainedPart = 0.8

    /// Seconds that are left, whatever of the work an earlier run did.
    private var secondsLeft: Double { search.timeBudget / .seconds(1) - pace.seconds - trials.reduce(0) { $0 + $1.seconds } }

    /// Epochs of the original that there is time for: a power of two, so that what another measurement gives is seldom another plan.
    private var affordableEpochs: Int {
        let epochs = pace.secondsPerEpoch.map { secondsLeft * Self.trainedPart / $0 } ?? 0
        return epochs < 1 ? 0 : 1 << Int(log2(min(epochs, 1e6)))
    }

    private func halving(of candidates: [SearchCandidate]) -> HalvingPlan {
        let epochs = affordableEpochs
        if epochs == 0, !candidates.isEmpty {
            let epoch = pace.secondsPerEpoch.map { String(format: $0 < 10 ? ", and an epoch takes %.2f s" : ", and an epoch takes %.0f s", $0) } ?? ""
            note("no time is left to train after what was measured\(epoch); give a longer --time-budget")
        }
        return HalvingPlan(candidates: candidates.count, epochs: epochs, longest: space.longestTraining)
    }

    // MARK: Trials

    /// Measures a candidate; nil, with a note, where a step is impossible on this model.
    ///
    /// - Parameter isJudged: whether its quality is measured, and not its costs alone.
    private func tried(_ candidate: SearchCandidate, isJudged: Bool = true) throws -> SearchTrial? {
        let (steps, title, number, count) = (candidate.steps(in: space), candidate.title, done + 1, count)
        bench.progress = { [report] event in
            report(
                Pipeline.Progress(
                    step: number, stepCount: count, stepName: title, event: event,
                    fraction: min(1, (Double(number - 1) + event.fraction) / Double(count))))
        }
        defer { done += 1 }
        do {
            let trial = try bench.trial(steps, title, isJudged: isJudged)
            if isJudged, targets.prefers(trial, to: best.trial, from: baseline) { best = (trial, steps) }
            try SearchFolder(search.folder).write(trials, quality: qualityName)
            return trial
        } catch let error as WinnowError where error.kind != .cancelled && error.kind != .file {
            note("\(title) could not be tried: \(error)")
            return nil
        }
    }

    /// The same of what is trained, while there is time.
    private func trained(_ candidate: SearchCandidate) throws -> SearchTrial? {
        guard secondsLeft > 0 else { note("the time budget ended before all was tried"); return nil }
        let trial = try tried(candidate)
        // Without limits floats are another point of the front.
        if trial != nil, targets.limits.isEmpty, candidate.reduction != nil { _ = try tried(candidate.stored(as: space.storages[0])) }
        return trial
    }

    // MARK: The search

    func run() throws {
        try tryAll()
        noteConstant()
    }

    private func tryAll() throws {
        planned = 1 + space.storages.count
        let stored = try storedTrials()
        guard space.trains, pace.objection == nil else { return }
        var candidates = try self.candidates(stored)
        let plan = halving(of: candidates)
        planned = done + plan.rounds.reduce(0) { $0 + $1.count }
        for (number, (count, epochs)) in plan.rounds.enumerated() {
            let roundsLeft = plan.rounds.count - 1 - number
            candidates = try candidates.prefix(count).map { $0.trained(epochs: epochs) }
                .compactMap { candidate in try trained(candidate).map { (candidate, $0) } }
                .sorted { targets.prefers($0.1, to: $1.1, from: baseline, roundsLeft: roundsLeft) }.map(\.0)
        }
        guard let first = candidates.first, !plan.rounds.isEmpty else { return }
        if targets.excess(of: best.trial, from: baseline) > 0 {
            let epochs = min(space.longestTraining, plan.reserve)
            if epochs > 0 { _ = try trained(first.trainedLast(epochs: epochs)) }
        } else if targets.limits.isEmpty {
            try strengthen(first, epochs: plan.reserve)
        }
    }

    /// Without limits, what is left of the time goes into more strength, halfway to what failed.
    private func strengthen(_ candidate: SearchCandidate, epochs: Int) throws {
        guard let (way, strength) = candidate.reduction else { return }
        var (holds, fails, left) = (strength, 1.0, epochs)
        while left >= candidate.trainedEpochs, fails - holds > 1 / Double(Self.grain) {
            let middle = (holds + fails) / 2
            let next = SearchCandidate(reduction: (way, middle), storage: candidate.storage).trained(epochs: candidate.trainedEpochs)
            left -= candidate.trainedEpochs
            guard let trial = try trained(next) else { return }
            if targets.excess(of: trial, from: baseline) == 0 { holds = middle } else { fails = middle }
        }
    }

    /// The model as it is in every storage.
    private func storedTrials() throws -> [(storage: SearchSpace.Storage, trial: SearchTrial)] {
        var result: [(storage: SearchSpace.Storage, trial: SearchTrial)] = []
        for storage in space.storages {
            if storage.isCareful, let before = result.last, before.trial.drop(from: baseline) <= targets.maxDrop { continue }
            if let trial = try tried(SearchCandidate(storage: storage)) { result.append((storage, trial)) }
        }
        return result
    }

    /// What is trained: every storage alone that meets the costs and loses too much, and every reduction with every storage, each as
    /// gentle as the costs allow; without limits, reductions of several strengths stored as what did best.
    private func candidates(_ stored: [(storage: SearchSpace.Storage, trial: SearchTrial)]) throws -> [SearchCandidate] {
        guard let floats = stored.first else { return [] }
        guard !targets.limits.isEmpty else {
            let holding = stored.filter { $0.trial.drop(from: baseline) <= targets.maxDrop }
            let storage = (holding.min { targets.prefers($0.trial, to: $1.trial, from: baseline) } ?? floats).storage
            return try space.reductions.flatMap { reduction in
                try Self.strengths.compactMap { strength in
                    let cost = try tried(SearchCandidate(reduction: (reduction, strength), storage: floats.storage), isJudged: false)
                    guard let cost, targets.remainder(of: cost, from: baseline) < Self.worthwhile else { return nil }
                    return SearchCandidate(reduction: (reduction, strength), storage: storage)
                }
            }
        }
        return try stored.flatMap { storage, trial -> [SearchCandidate] in
            if targets.holdCosts(of: trial, from: baseline) {
                let isLossy = trial.drop(from: baseline) > targets.maxDrop
                return isLossy && storage.isTrainable ? [SearchCandidate(storage: storage)] : []
            }
            let parts = CompressionCost.allCases.compactMap { cost in trial.part(cost, of: floats.trial).map { (cost, $0) } }
            return try (storage.isCombined ? space.reductions : []).compactMap { reduction in
                try strength(of: reduction, floats.storage, storage, Dictionary(uniqueKeysWithValues: parts)).map {
                    SearchCandidate(reduction: (reduction, $0), storage: storage)
                }
            }
        }
    }

    /// Those that are tried without limits.
    private static let strengths = [0.25, 0.5, 0.75]
    /// What a reduction must leave at most to be trained.
    private static let worthwhile = 0.97
    /// What a step in strength must leave at most to be followed by another.
    private static let progressing = 0.99
    /// Strengths between nothing and all that are told apart.
    private static let grain = 16

    /// The smallest strength that keeps the limits; nil where none does. Found by bisection over the costs of the reduced model in floats,
    /// then raised until the stored model keeps them.
    ///
    /// - Parameter parts: what the storage leaves of each cost.
    private func strength(
        of reduction: SearchSpace.Reduction, _ floats: SearchSpace.Storage, _ storage: SearchSpace.Storage, _ parts: [CompressionCost: Double]
    ) throws -> Double? {
        func costs(_ grains: Int, _ storage: SearchSpace.Storage) throws -> SearchTrial? {
            let candidate = SearchCandidate(reduction: (reduction, Double(grains) / Double(Self.grain)), storage: storage)
            return try tried(candidate, isJudged: false)
        }
        var (fails, grains) = (0, Self.grain)
        while grains - fails > 1 {
            let middle = (fails + grains) / 2
            let holds = try costs(middle, floats).map { targets.holdCosts(of: $0, from: baseline, times: parts) } ?? false
            if holds { grains = middle } else { fails = middle }
        }
        var before = Double.infinity
        while grains < Self.grain {
            guard let trial = try costs(grains, storage) else { return nil }
            if targets.holdCosts(of: trial, from: baseline) { return Double(grains) / Double(Self.grain) }
            // More strength takes nothing more where all that can go is gone.
            let left = targets.remainder(of: trial, from: baseline)
            guard left < Self.progressing * before else { return nil }
            before = left
            grains += max(1, (Self.grain - grains) / 4)
        }
        return nil
    }

    // MARK: Results

    /// The best model, and what every step on the way to it did.
    func result() throws -> (model: Model, records: [Report.Step]) {
        let model = try bench.model(of: best.steps)
        return (model, try bench.records(of: best.steps))
    }

    /// Drops the files of candidates that are neither on the front nor the best.
    func clean() { bench.keepModels(of: trials.front + [best.trial]) }

    /// What would be tried, in words, and whether that may reach the targets.
    func plan() throws -> (lines: [String], isInReach: Bool) {
        let stored = try storedTrials()
        let canTrain = space.trains && pace.objection == nil
        let candidates = canTrain ? try self.candidates(stored) : []
        let planned = canTrain ? halving(of: candidates).rounds : []
        let rounds = planned.enumerated().map { number, round in
            let seconds = Double(round.count * round.epochs) * (pace.secondsPerEpoch ?? 0)
            return "round \(number + 1): \(round.count) candidates, \(round.epochs) epochs each, about \(Int(saturating: seconds.rounded(.up))) s"
        }
        noteConstant()
        let missed = candidates.isEmpty ? targets.outcomes(of: best.trial, from: baseline).filter { !$0.isMet } : []
        if !missed.isEmpty {
            let words = missed.map { "\($0.name) \($0.reached) instead of \($0.asked)" }.joined(separator: " and ")
            note("the targets are out of reach: the nearest that is known, \(best.trial.title), has \(words)")
        }
        return (stored.map { "measured: \($0.trial.title)" } + candidates.map { "candidate: \($0.title)" } + rounds + notes, missed.isEmpty)
    }
}
