import WinnowGraph
import WinnowTensor

/// Another sparsity or pattern for some of the weights, which are then compared with nobody else's:
/// `{ weights: "conv*", sparsity: 0.5, pattern: 1x4 }`.
public struct LayerRule: Hashable, Sendable {
    /// Globs of tensors or nodes.
    public var weights: [String]
    /// The fraction that goes in the end; nil: as for the others.
    public var sparsity: Double?
    /// What goes together; nil: as for the others.
    public var pattern: SparsityPattern?

    public init(_ weights: String..., sparsity: Double? = nil, pattern: SparsityPattern? = nil) {
        self.weights = weights
        self.sparsity = sparsity
        self.pattern = pattern
    }

    func matches(_ target: WeightTarget) -> Bool {
        let names = [target.tensor] + target.sites.map(\.node.name)
        return weights.contains { glob in names.contains { Selection.matches(glob, $0) } }
    }

    /// What the rule makes of a budget. `reach` is how far a schedule has come: the present part of the sparsity at its end.
    func budget(in place: Budget, reach: Double) -> Budget {
        guard let sparsity else { return place }
        if case .total = place { return .total(min(1, max(0, sparsity * reach))) }
        return .fraction(sparsity)
    }
}

extension LayerRule: HyperparameterConvertible {
    public static var kind: String { "a table of weights (globs), sparsity (0…1) and pattern" }

    public init?(_ value: HyperparameterValue) throws {
        guard case .table(let table) = value, let globs = table["weights"], let weights = try [String](globs), !weights.isEmpty
        else { return nil }
        if let other = table.keys.sorted().first(where: { !["weights", "sparsity", "pattern"].contains($0) }) {
            throw WinnowError(
                .recipe, "rules: \(other)", "there is no such part of a rule",
                remedy: Spelling.remedy(for: other, among: ["weights", "sparsity", "pattern"]))
        }
        self.weights = weights
        sparsity = try Self.part("sparsity", of: table)
        pattern = try Self.part("pattern", of: table)
        if sparsity == nil, pattern == nil { return nil }
    }

    private static func part<Part: HyperparameterConvertible>(_ key: String, of table: [String: HyperparameterValue]) throws
        -> Part?
    {
        guard let value = table[key], value != .none else { return nil }
        guard let part = try Part(value) else { throw WinnowError(.recipe, "rules: \(key)", "is \(value), not \(Part.kind)") }
        return part
    }

    public var hyperparameterValue: HyperparameterValue {
        var table: [String: HyperparameterValue] = ["weights": weights.hyperparameterValue]
        if let sparsity { table["sparsity"] = .number(sparsity) }
        if let pattern { table["pattern"] = pattern.hyperparameterValue }
        return .table(table)
    }

    public var complaint: String? {
        sparsity.flatMap { (0...1).contains($0) ? nil : "has the sparsity \($0.shortText), outside 0…1" }
    }
}
