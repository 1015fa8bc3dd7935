import WinnowTensor

/// What structured pruning counts, and which groups lose how much whatever it counts.
public struct ChannelBudget: HyperparameterGroup {
    public enum Measure: String, HyperparameterChoice, Codable {
        /// `sparsity` is a fraction of the channels.
        case channels
        /// `sparsity` is a fraction of what the whole model costs.
        case parameters, macs, bytes, latency
        /// Channels with scores up to `threshold` go (EasyPruner's `Order`).
        case threshold
        /// Of each group the lowest go while they hold no more than `energy` of Σscore².
        case energy
        /// The same, cut midway to the next score; no channel of a group whose largest score is below 20 times its smallest, and all of
        /// one whose largest is below 0.001 (Optimal Thresholding; Ye et al. 2020, as EasyPruner's `OT` has it).
        case optimalThresholding = "optimal-thresholding"
    }

    @Hyperparameter(
        """
        what sparsity is a fraction of: channels, or the whole model's parameters, MACs, bytes of the file or latency \
        measured here; or how scores are cut
        """)
    public var budget = Measure.channels
    @Hyperparameter("largest score that goes, with budget threshold", in: 0...1e30, counts: .with("budget", ["threshold"])) public var threshold = 0.0
    @Hyperparameter(
        "part of a group's sum of squared scores that may go, with budget energy or optimal-thresholding", in: 0...1,
        counts: .with("budget", ["energy", "optimal-thresholding"]))
    public var energy = 1e-4
    @Hyperparameter(
        "fractions that groups lose whatever the budget, by globs of the tensors or nodes that make them; the longest glob holds",
        in: 0...1)
    public var rules: [String: Double] = [:]
    @Hyperparameter("file of `winnow sensitivity`: channels go in the order of what the model loses by them") public
        var sensitivity: String? = nil
    @Hyperparameter(
        "largest loss by any group alone, with sensitivity, in place of the budget; none: as much as the budget asks for",
        in: 0...1, counts: .given(["sensitivity"]))
    public var maxLoss: Double? = nil

    public init() {}

    /// The cost of the whole model that `sparsity` is a fraction of; nil where channels and scores count.
    var cost: ModelCost? {
        switch budget {
        case .channels, .threshold, .energy, .optimalThresholding: nil
        case .parameters: .parameters
        case .macs: .macs
        case .bytes: .bytes
        case .latency: .latency
        }
    }

    /// Why a group loses nothing that could.
    var reasonForNothing: String {
        if sensitivity != nil, maxLoss != nil { return "nothing to remove at this max-loss" }
        return switch budget {
        case .channels, .parameters, .macs, .bytes, .latency: "nothing to remove at this sparsity"
        case .threshold: "nothing to remove at this threshold"
        case .energy: "nothing to remove at this energy"
        case .optimalThresholding: "nothing to remove at this energy, or its largest score is below 20 times the smallest"
        }
    }

    /// Whether what goes can be decided in each graph for itself: the model's, and those of bodies.
    var holdForEachGraph: Bool { cost == nil && sensitivity == nil }

    /// The fraction that the rules ask of a group made by these tensors and nodes; nil: the budget decides.
    func ruled(_ names: [String]) -> Double? {
        let matching = rules.keys.filter { glob in names.contains { Selection.matches(glob, $0) } }
        return matching.max { ($0.count, $1) < ($1.count, $0) }.flatMap { rules[$0] }
    }

    /// Throws `.recipe` for a rule that matches none of these names.
    func checkRules(_ names: [String]) throws {
        for glob in rules.keys.sorted() where !names.contains(where: { Selection.matches(glob, $0) }) {
            throw WinnowError(
                .recipe, "rules: \(glob)", "matches nothing that makes channels which may go",
                remedy: Spelling.remedy(for: glob, among: names))
        }
    }
}
