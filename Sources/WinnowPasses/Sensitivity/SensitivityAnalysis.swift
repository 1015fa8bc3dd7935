import WinnowEngine
package import WinnowGraph
import WinnowTensor

/// Changes one part of a model after the other by a pass, from little to much, and judges each; the model itself never changes.
package struct SensitivityAnalysis: Sendable {
    private let unit: SensitivityUnit
    private let pass: any Pass
    private let hyperparameter: String
    private let strengths: [Double]

    /// - Parameters:
    ///   - pass: one that tells by `only` which weights it works on; nil: structured pruning for groups, else magnitude pruning.
    ///   - hyperparameter: by which it does more or less; nil: the first of its `strengths`.
    ///   - strengths: nil: 0.1 to 0.9 for a sparsity, else what the pass names.
    /// - Throws: `.usage` for a pass that cannot be told where to work or how much to do.
    package init(
        _ unit: SensitivityUnit, pass: (any Pass)? = nil, hyperparameter: String? = nil, strengths: [Double]? = nil
    ) throws {
        let pass = pass ?? unit.usualPass.init()
        let known = pass.hyperparameterDescriptions.map(\.name)
        let own = type(of: pass).strengths
        guard known.contains("only"), pass.needs != .training, let name = hyperparameter ?? own.first?.hyperparameter else {
            let able = PassCatalogue.all.filter { type in
                type.init().hyperparameterDescriptions.contains { $0.name == "only" } && !type.strengths.isEmpty
                    && type.init().needs != .training
            }
            throw WinnowError(
                .usage, type(of: pass).name, "cannot be told to change one part of a model more or less",
                remedy: "choose \(able.map { $0.name }.joined(separator: ", "))")
        }
        guard known.contains(name) else {
            throw WinnowError(
                .usage, "\(type(of: pass).name): \(name)", "there is no such hyperparameter",
                remedy: Spelling.remedy(for: name, among: known))
        }
        let rising = own.first { $0.hyperparameter == name }?.rising.compactMap(\.double) ?? []
        let usual = name == Strength.sparsity.hyperparameter ? (1...9).map { Double($0) / 10 } : rising
        let chosen = strengths ?? usual
        guard !chosen.isEmpty, Set(chosen).count == chosen.count else {
            throw WinnowError(
                .usage, "strengths", chosen.isEmpty ? "are missing" : "name a number twice",
                remedy: "give different numbers for \(name)")
        }
        (self.unit, self.pass, self.hyperparameter, self.strengths) = (unit, pass, name, chosen)
    }

    /// What depends on the analysis besides model and data; strengths do not, so that more of them go on from those there are.
    package var settings: String {
        "\(unit.rawValue) \(hyperparameter) \(PassStep(pass).name) \(HyperparameterValue.table(pass.hyperparameters))"
    }

    /// Judges every part at every strength on the validation data. What `context.state` has is not judged again.
    package func callAsFunction(_ graph: Graph, in context: PassContext) throws -> SensitivityResult {
        var context = context
        context.teacher = context.teacher ?? graph
        let (bench, validation) = (context.bench, try context.validationData(for: graph))
        let parts = try unit.parts(of: graph)
        let passes = try parts.map { part in try strengths.map { try changing(part.tensors, $0) } }
        let isKept = context.state != nil
        let original = try Cancellation.stopping("sensitivity", isKept: isKept) { try bench.trial(graph, on: validation) }
        let before = original.quality
        guard before.sampleCount == 0 || before.brokenSampleCount < before.sampleCount else {
            throw WinnowError(
                .numeric, "sensitivity", "the model gives what is no number for every sample, so nothing can be lost",
                remedy: "check its weights and the data for values that are not finite")
        }
        var known = try context.state?.load(Known.self)?.record ?? Known()
        var skipped: [(name: String, reason: String)] = []
        var curves: [String: SensitivityCurve] = [:]
        let (start, total) = (ContinuousClock.now, parts.count * strengths.count)
        var judged = 0
        for (place, part) in parts.enumerated() {
            var points: [SensitivityCurve.Point] = []
            var isChanged = false
            for (step, strength) in strengths.enumerated() {
                let task = "sensitivity of \(part.name)"
                try context.cancellation?.check(task, isKept: isKept)
                var outcome = known[part.name, strength]
                if outcome == nil {
                    outcome = try Cancellation.stopping(task, isKept: isKept) {
                        try trial(passes[place][step], original, part.tensors, bench, validation, context)
                    }
                    known[part.name, strength] = outcome
                    try context.state?.save(known)
                    judged += 1
                }
                var score = before.score
                if case .score(let own)? = outcome { (score, isChanged) = (own, true) }
                if case .skipped(let reason)? = outcome, skipped.last?.name != part.name { skipped.append((part.name, reason)) }
                points.append(.init(strength: strength, loss: Self.loss(from: before.score, to: score)))
                context.progress?(event(place * strengths.count + step + 1, of: total, judged, since: start))
            }
            // A strength too small to change anything loses nothing; a part that no strength changes has no curve.
            if isChanged { curves[part.name] = SensitivityCurve(points) }
        }
        skipped.removeAll { curves[$0.name] != nil }
        return SensitivityResult(
            metric: before.name, baseline: before.measured(before.score), step: PassStep(pass), hyperparameter: hyperparameter,
            strengths: strengths, parts: parts, table: SensitivityTable(curves), skipped: skipped)
    }

    /// The pass at a strength, on these tensors alone.
    private func changing(_ tensors: [ValueName], _ strength: Double) throws -> any Pass {
        let only = HyperparameterValue.list(tensors.map { .string(Selection.literal($0)) })
        return try type(of: pass).init(
            hyperparameters: pass.hyperparameters.merging(["only": only, hyperparameter: HyperparameterValue(strength)]) { $1 })
    }

    private func trial(
        _ pass: any Pass, _ original: Trial, _ tensors: [ValueName], _ bench: Bench, _ data: Dataset, _ context: PassContext
    ) throws -> Outcome {
        var quiet = context
        (quiet.progress, quiet.state) = (nil, nil)
        let result = try pass(original.graph, in: quiet)
        let own = result.findings.filter { tensors.contains($0.subject) }
        guard own.contains(where: { $0.status == .done || $0.status == .fellBack }) else {
            let reason = own.lazy.map(\.reason).first { !$0.isEmpty }
            return .skipped(reason ?? "\(type(of: pass).name) does nothing with it")
        }
        return .score(try bench.trial(result.graph, on: data).score(beside: original))
    }

    /// (before − after) / |before|, the plain difference where before is 0.
    private static func loss(from before: Double, to after: Double) -> Double {
        (before - after) / (before == 0 ? 1 : before.magnitude)
    }

    /// The time left is that of what is still to be judged, at the pace of what was judged since the start.
    private func event(_ completed: Int, of total: Int, _ judged: Int, since start: ContinuousClock.Instant) -> ProgressEvent {
        var event = ProgressEvent("sensitivity", completed: completed, of: total, unit: "trials")
        event.elapsedSeconds = (ContinuousClock.now - start) / .seconds(1)
        event.remainingSeconds = judged > 0 ? event.elapsedSeconds * Double(total - completed) / Double(judged) : nil
        return event
    }

    /// What came of one trial.
    private enum Outcome: Codable {
        case score(Double)
        case skipped(String)
    }

    /// All trials so far.
    private struct Known: Codable {
        private var outcomes: [String: [Double: Outcome]] = [:]

        subscript(part: String, strength: Double) -> Outcome? {
            get { outcomes[part]?[strength] }
            set { outcomes[part, default: [:]][strength] = newValue }
        }
    }
}

extension Selection {
    /// The glob that matches this name alone.
    static func literal(_ name: String) -> String {
        name.map { "*?[".contains($0) ? "[\($0)]" : String($0) }.joined()
    }
}
