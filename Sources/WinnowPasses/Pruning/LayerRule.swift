import WinnowTensor

/// Another sparsity or pattern for some of the weights, which are then compared with nobody else's:
/// `{ weights: "conv*", sparsity: 0.5, pattern: 1x4 }`.
public typealias LayerRule = WeightRule<PruningSettings>

/// What a rule says of pruning.
public struct PruningSettings: RuleSettings {
    public static let parts: [(name: String, text: String)] = [("sparsity", "sparsity (0…1)"), ("pattern", "pattern")]

    /// The fraction that goes in the end; nil: as for the others.
    public var sparsity: Double?
    /// What goes together; nil: as for the others.
    public var pattern: SparsityPattern?

    public init(sparsity: Double? = nil, pattern: SparsityPattern? = nil) {
        self.sparsity = sparsity
        self.pattern = pattern
    }

    public init?(_ table: [String: HyperparameterValue]) throws {
        self.init(sparsity: try Self.part("sparsity", of: table), pattern: try Self.part("pattern", of: table))
        if sparsity == nil, pattern == nil { return nil }
    }

    public var table: [String: HyperparameterValue] {
        var table: [String: HyperparameterValue] = [:]
        if let sparsity { table["sparsity"] = .number(sparsity) }
        if let pattern { table["pattern"] = pattern.hyperparameterValue }
        return table
    }

    public var complaint: String? {
        sparsity.flatMap { (0...1).contains($0) ? nil : "has the sparsity \($0.shortText), outside 0…1" }
    }

    /// What the rule makes of a budget. `reach` is how far a schedule has come: the present part of the sparsity at its end.
    func budget(in place: Budget, reach: Double) -> Budget {
        guard let sparsity else { return place }
        if case .total = place { return .total(min(1, max(0, sparsity * reach))) }
        if case .below = place { return .below(min(1, max(0, sparsity * reach))) }
        return .fraction(sparsity)
    }
}

extension WeightRule<PruningSettings> {
    public init(_ weights: String..., sparsity: Double? = nil, pattern: SparsityPattern? = nil) {
        self.init(weights: weights, PruningSettings(sparsity: sparsity, pattern: pattern))
    }
}
