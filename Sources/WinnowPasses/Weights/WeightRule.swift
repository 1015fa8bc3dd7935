import WinnowGraph
import WinnowTensor

/// Other settings for some of the weights: `{ weights: "conv*", sparsity: 0.5 }`, `{ weights: Gemm, scheme: int8 }`.
public struct WeightRule<Settings: RuleSettings>: Hashable, Sendable {
    /// Globs of tensors or nodes, or operator types.
    public var weights: [String]
    public var settings: Settings

    public init(weights: [String], _ settings: Settings) {
        self.weights = weights
        self.settings = settings
    }

    func matches(_ target: WeightTarget) -> Bool {
        weights.contains { Selection.matches($0, target.tensor, of: target.sites.map(\.node)) }
    }

    /// Throws `.recipe` for a glob that matches nothing in `graph`.
    func check(in graph: Graph) throws {
        _ = try Selection(only: weights, in: graph)
    }
}

/// What a rule may say of weights beside which they are.
public protocol RuleSettings: Hashable, Sendable {
    /// The parts of a rule, for help and errors: `sparsity (0…1)`.
    static var parts: [(name: String, text: String)] { get }

    /// nil where the table says nothing.
    init?(_ table: [String: HyperparameterValue]) throws

    var table: [String: HyperparameterValue] { get }
    var complaint: String? { get }
}

extension RuleSettings {
    public var complaint: String? { nil }

    /// Throws `.recipe` for a part of the wrong kind.
    static func part<Part: HyperparameterConvertible>(_ key: String, of table: [String: HyperparameterValue]) throws -> Part? {
        guard let value = table[key], value != .none else { return nil }
        guard let part = try Part(value) else { throw WinnowError(.recipe, "rules: \(key)", "is \(value), not \(Part.kind)") }
        return part
    }
}

extension WeightRule: HyperparameterConvertible {
    public static var kind: String {
        let parts = Settings.parts.map(\.text)
        return "a table of weights (globs or operator types)\(parts.dropLast().map { ", \($0)" }.joined()) and \(parts.last ?? "")"
    }

    public static func schema(in range: ClosedRange<Double>?) -> HyperparameterValue {
        .table([
            "type": "object", "required": ["weights"], "additionalProperties": false, "description": .string(kind),
            "properties": .table(
                Dictionary(
                    (["weights"] + Settings.parts.map(\.name)).map { ($0, $0 == "weights" ? [String].schema(in: nil) : .table([:])) },
                    uniquingKeysWith: { first, _ in first })),
        ])
    }

    public init?(_ value: HyperparameterValue) throws {
        guard case .table(let table) = value, let globs = table["weights"], let weights = try [String](globs), !weights.isEmpty
        else { return nil }
        let known = ["weights"] + Settings.parts.map(\.name)
        if let other = table.keys.sorted().first(where: { !known.contains($0) }) {
            throw WinnowError(
                .recipe, "rules: \(other)", "there is no such part of a rule", remedy: Spelling.remedy(for: other, among: known))
        }
        guard let settings = try Settings(table) else { return nil }
        self.init(weights: weights, settings)
    }

    public var hyperparameterValue: HyperparameterValue {
        .table(settings.table.merging(["weights": weights.hyperparameterValue]) { $1 })
    }

    public var complaint: String? { settings.complaint }
}
