import Foundation
import WinnowEngine
import WinnowGraph
import WinnowTensor

/// Takes values out of integers, those first whose rounding does most harm for what their layers compute.
struct PrecisionSearch {
    /// What becomes integers, and why not more.
    struct Choice {
        var plan: QuantizationPlan
        var findings: [Finding]
    }

    private let layers: CalibratedLayers
    /// By which biases are corrected.
    private let corrections: [WeightShift]
    private let context: PassContext
    let noises: RoundingNoises
    /// Multiply-accumulates by layer.
    private let costs: [String: Double]
    /// What the model gives in float for a few samples.
    private let outputs: SampledOutputs
    /// Plans that are measured at most in one course.
    private static let attempts = 5

    /// - Parameter correctsBiases: whether layers in integers get back the means of their outputs.
    init(
        _ layers: CalibratedLayers, _ shifts: [WeightShift], correctsBiases: Bool, _ context: PassContext, sampleCount: Int
    ) throws {
        (self.layers, self.context) = (layers, context)
        corrections = correctsBiases ? shifts : []
        let plan = layers.plan()
        let sensitivity = try OutputSensitivity(
            of: plan.groups.compactMap(\.values.first), shifts, in: layers.graph, context, sampleCount: sampleCount)
        let samples = try context.calibrationData(for: layers.graph)
        outputs = try SampledOutputs(of: layers.graph, on: samples.drawn(sampleCount, seed: context.seed))
        var noises = RoundingNoises(weights: sensitivity.weightNoises)
        for group in plan.groups {
            guard let first = group.values.first else { continue }
            if let gain = sensitivity.gains[first], let error = layers.squaredError(group) {
                noises.values[first] = gain * error
            } else {
                noises.values[first] = try outputs.noise(of: layers.rounding([group], of: plan))
            }
        }
        self.noises = noises
        let work = layers.graph.multiplyAccumulates(inputShapes: samples.batchShapes(count: 1))
        costs = work.compactMapValues { $0.map(Double.init) }
    }

    /// The graph with what a plan says in integers.
    private func pairs(_ plan: QuantizationPlan) throws -> QuantizationPairs {
        try QuantizationPairs(layers.correcting(by: corrections, for: plan.sites), plan)
    }

    private func predicted(_ plan: QuantizationPlan) -> Double {
        plan.groups.reduce(0) { $0 + ($1.values.first.flatMap { noises.values[$0] } ?? 0) }
            + plan.sites.reduce(0) { $0 + (noises.weights[$1.node.name] ?? 0) }
    }

    /// The fewest values in float so that the noise measured at the outputs is at most `bound`.
    func choice(untilNoiseIs bound: Double) throws -> Choice {
        let (barred, noise) = try barring(untilNoiseIs: bound)
        let plan = layers.plan(barred: barred)
        let signal = noise > 0 ? -10 * log10(noise) : nil
        let finding = Finding("graph", .done, .outputSignal, after: signal, reason: summary(of: plan))
        let floats = try floats(besides: plan) {
            let whole = try outputs.noise(of: pairs(layers.plan()).graph)
            let measured = whole > 0 && whole.isFinite ? String(format: "%.1f dB", -10 * log10(whole)) : "not known"
            let words = "with all in integers the SQNR of the outputs is \(measured), and output-sqnr asks for"
            return String(format: "\(words) %.4g: a smaller output-sqnr, or max-drop, makes", -10 * log10(bound))
        }
        return Choice(plan: plan, findings: [finding] + floats + reasons(for: barred))
    }

    /// How many layers of those that could be integers are not, why, and what would change that.
    private func floats(besides plan: QuantizationPlan, _ why: () throws -> String) rethrows -> [Finding] {
        let (all, count) = (layers.plan().sites.count, plan.sites.count)
        guard count < all else { return [] }
        let reason = try "\(all - count) of \(all) layers stay float: \(why()) more of them integers, and weight-only-quantization "
            + "after this stores their weights smaller"
        return [Finding("graph", .fellBack, .integerLayers, before: Double(all), after: Double(count), reason: reason)]
    }

    /// How much of the work is in integers, and what of it costs most.
    private func summary(of plan: QuantizationPlan) -> String {
        let all = layers.plan().sites
        func work(_ sites: [WeightSite]) -> Double { sites.reduce(0) { $0 + (costs[$1.node.name] ?? 0) } }
        var text = "\(plan.sites.count) of \(all.count) layers in integers"
        let part = work(all) > 0 ? work(plan.sites) / work(all) : 0
        if part > 0 { text += String(format: " with %.1f %% of their multiply-accumulates", 100 * part) }
        let values = plan.groups.compactMap(\.values.first).map { (name: $0, noise: noises.values[$0] ?? 0) }
        let weights = plan.sites.map { (name: $0.node.name, noise: noises.weights[$0.node.name] ?? 0) }
        // A value that a layer is named after counts once.
        var seen: Set<String> = []
        let worst = (values + weights).sorted { $0.noise > $1.noise }.filter { $0.noise > 0 && seen.insert($0.name).inserted }.prefix(3)
        if !worst.isEmpty { text += "; most is lost by \(worst.map(\.name).joined(separator: ", "))" }
        return text
    }

    /// What rounding would cost that is not done, the most first.
    private func reasons(for barred: Set<ValueName>) -> [Finding] {
        barred.sorted { (noises.values[$0] ?? 0, $1) > (noises.values[$1] ?? 0, $0) }.map { value in
            let decibels = noises.values[value].flatMap { $0 > 0 ? 10 * log10($0) : nil }
            let reason = "stays float with its layers, for what rounding it would cost"
            return Finding(value, .fellBack, .outputNoise, after: decibels, reason: reason)
        }
    }

    /// The values to bar and the noise that is measured then.
    private func barring(untilNoiseIs bound: Double) throws -> (barred: Set<ValueName>, noise: Double) {
        var (aim, holds, fails) = (bound, (aim: 0.0, barred: Set<ValueName>?.none, noise: 0.0), Double.infinity)
        var known: Set<Set<ValueName>> = []
        for _ in 0..<Self.attempts {
            let barred = barring(untilPredictedIs: aim)
            guard known.insert(barred).inserted else {
                if holds.barred != nil { break }
                aim /= 4
                continue
            }
            let plan = layers.plan(barred: barred)
            let measured = try outputs.noise(of: pairs(plan).graph)
            if measured <= bound { holds = (aim, barred, measured) } else { fails = aim }
            if barred.isEmpty && measured <= bound || plan.groups.isEmpty || measured <= 0 { break }
            // As much more or less as what was measured asks for, within what is known to hold and to fail.
            let next = min(aim, predicted(plan)) * bound / measured
            aim = next > holds.aim && next < fails ? next : fails.isFinite ? (holds.aim * fails).squareRoot() : 2 * holds.aim
            if holds.aim == 0 { aim = min(aim, 0.8 * next) }
        }
        let found = holds.barred.map { ($0, holds.noise) } ?? (barring(untilPredictedIs: -1), 0)
        // Far below the bound: predictions told too little of what is measured.
        guard found.1 < bound / 4, !found.0.isEmpty else { return found }
        let halved = try halving(untilNoiseIs: bound)
        func layerCount(_ barred: Set<ValueName>) -> Int { layers.plan(barred: barred).sites.count }
        return layerCount(halved.barred) > layerCount(found.0) ? halved : found
    }

    /// The values to bar by what is measured alone: as few in their order as will do, without those of least noise that need not be.
    private func halving(untilNoiseIs bound: Double) throws -> (barred: Set<ValueName>, noise: Double) {
        let order = barringOrder(untilPredictedIs: -1)
        var (low, high, noise) = (0, order.count, 0.0)
        func measured(_ barred: Set<ValueName>) throws -> Double { try outputs.noise(of: pairs(layers.plan(barred: barred)).graph) }
        while high - low > 1 {
            let middle = (low + high) / 2
            let own = try measured(Set(order.prefix(middle)))
            if own <= bound { (high, noise) = (middle, own) } else { low = middle }
        }
        var barred = Set(order.prefix(high))
        let least = order.prefix(max(0, high - 1)).sorted { (noises.values[$0] ?? 0, $0) < (noises.values[$1] ?? 0, $1) }
        for value in least.prefix(Self.attempts) {
            let own = try measured(barred.subtracting([value]))
            if own <= bound { (barred, noise) = (barred.subtracting([value]), own) }
        }
        return (barred, noise)
    }

    /// Those that do most harm in float, as few as keep the score on validation data within `drop` points.
    func choice(
        dropping drop: Double, from original: Graph, _ pairs: (QuantizationPlan) throws -> QuantizationPairs
    ) throws -> Choice {
        var bound = try DropBound(drop, from: original, context)
        let order = barringOrder(untilPredictedIs: -1)
        func holds(_ count: Int) throws -> Bool {
            let plan = layers.plan(barred: Set(order.prefix(count)))
            let stored = try pairs(plan).graph.storingIntegers(for: layers.arithmetic).graph
            return try bound.holds(stored, "\(plan.sites.count) layers in integers, \(count) values kept in float")
        }
        // Few first, as most models need none or a handful, then between the last that lost too much and the first that did not.
        var (low, high) = (-1, 0)
        while high < order.count, try !holds(high) { (low, high) = (high, min(max(1, 2 * high), order.count)) }
        while high - low > 1 {
            let middle = (low + high) / 2
            if try holds(middle) { high = middle } else { low = middle }
        }
        let barred = Set(order.prefix(high))
        let plan = layers.plan(barred: barred)
        let floats = floats(besides: plan) {
            String(format: "with fewer validation drops by more than the %.4g points of max-drop: a larger max-drop makes", drop)
        }
        return Choice(plan: plan, findings: bound.findings + floats + reasons(for: barred))
    }

    /// As few in integers as keep the latency within a limit, those first that do least harm for the work they save.
    func choice(
        within limit: LatencyLimit, of original: Graph, _ pairs: (QuantizationPlan) throws -> QuantizationPairs
    ) throws -> Choice {
        let (cost, sample) = (ModelCost.latency, try context.sample(for: original))
        let before = try cost.value(of: original, on: sample, in: context)
        let budget = CostBudget(cost: cost, share: limit.share(of: before))
        let found = try barring(within: budget) { plan in
            try context.cancellation?.check("search for the latency")
            let stored = try pairs(plan).graph.storingIntegers(for: layers.arithmetic).graph
            return try cost.share(of: stored, in: original, on: sample, in: context)
        }
        let plan = layers.plan(barred: found.barred)
        let noise = try plan.sites.isEmpty ? 0 : outputs.noise(of: pairs(plan).graph)
        let findings = [
            Finding(
                "graph", found.reason == nil ? .done : .fellBack, cost.quantity, before: before, after: before * (found.share ?? 1),
                reason: found.reason ?? "\(limit) was asked for"),
            Finding("graph", .done, .outputSignal, after: noise > 0 ? -10 * log10(noise) : nil, reason: summary(of: plan)),
        ]
        let floats = floats(besides: plan) {
            found.reason.map { "\($0), and output-sqnr in the place of latency makes" }
                ?? "with the others in integers the latency is within \(limit): a smaller latency, or output-sqnr in its place, makes"
        }
        return Choice(plan: plan, findings: findings + floats + reasons(for: found.barred))
    }

    /// The values to bar for a latency, what part of it is left then where that was measured, and why the budget is not met.
    ///
    /// - Parameter share: what part of the original's latency a plan takes.
    func barring(
        within budget: CostBudget, _ share: (QuantizationPlan) throws -> Double
    ) throws -> (barred: Set<ValueName>, share: Double?, reason: String?) {
        let order = barringOrder(untilPredictedIs: -1)
        let rising = ChannelOrder([order.indices.map(Double.init)])
        var found = try budget.length(in: rising) { try share(layers.plan(barred: Set(order.dropLast($0)))) }
        var barred = Set(order.dropLast(found.length))
        guard found.isMet else { return (barred, found.share, budget.reason(against: found.length, of: order.count, rest: "layers in float")) }
        // Those of most noise whose floats take no more than is left of the budget.
        func integers() -> [ValueName] { layers.plan(barred: barred).groups.filter { !layers.isGiven($0) }.compactMap(\.values.first) }
        let loud = integers().sorted { (noises.values[$0] ?? 0, $1) > (noises.values[$1] ?? 0, $0) }
        for value in loud.prefix(Self.attempts) where integers().contains(value) {
            let own = try share(layers.plan(barred: barred.union([value])))
            if own <= budget.share { (found.share, barred) = (own, barred.union([value])) }
        }
        return (barred, found.share, nil)
    }

    private func barring(untilPredictedIs bound: Double) -> Set<ValueName> {
        var barred = barringOrder(untilPredictedIs: bound)
        // What was taken out before worse ones may come back.
        for value in barred {
            let others = Set(barred).subtracting([value])
            if predicted(layers.plan(barred: others)) <= bound { barred.removeAll { $0 == value } }
        }
        return Set(barred)
    }

    /// The values that go back to float, the worst first, until what is predicted of the rest is at most `bound`.
    private func barringOrder(untilPredictedIs bound: Double) -> [ValueName] {
        var barred: [ValueName] = []
        var plan = layers.plan()
        while predicted(plan) > bound, let worst = worst(in: plan) {
            barred.append(worst)
            plan = layers.plan(barred: Set(barred))
        }
        return barred
    }

    /// The group whose noise, with that of its layers' weights, is largest for the work that goes back to float with it.
    private func worst(in plan: QuantizationPlan) -> ValueName? {
        let all = costs.values.reduce(0, +)
        func harm(_ group: QuantizationPlan.Group) -> Double {
            let sites = plan.sites(at: group)
            let cost = sites.reduce(0) { $0 + (costs[$1.node.name] ?? 0) }
            let noise = sites.reduce(group.values.first.flatMap { noises.values[$0] } ?? 0) { $0 + (noises.weights[$1.node.name] ?? 0) }
            return noise / (cost + all / 100 + 1)
        }
        let free = plan.groups.filter { !layers.isGiven($0) }
        return free.map { (group: $0, harm: harm($0)) }.max { $0.harm < $1.harm }?.group.values.first
    }
}
