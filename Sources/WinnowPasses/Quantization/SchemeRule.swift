import WinnowTensor

/// Another scheme for some of the weights, or none: `{ weights: "head*", scheme: int8 }`, `{ weights: Conv, scheme: float }`.
public typealias SchemeRule = WeightRule<SchemeSettings>

/// What a rule says of quantization.
public struct SchemeSettings: RuleSettings {
    public static let parts: [(name: String, text: String)] = [("scheme", "scheme (a preset, or float)")]

    /// A preset's name; float: the weight stays as it is.
    public var scheme: Chosen<RuleSchemes>

    public init(scheme: Chosen<RuleSchemes>) { self.scheme = scheme }

    public init?(_ table: [String: HyperparameterValue]) throws {
        guard let scheme: Chosen<RuleSchemes> = try Self.part("scheme", of: table) else { return nil }
        self.init(scheme: scheme)
    }

    public var table: [String: HyperparameterValue] { ["scheme": scheme.hyperparameterValue] }
    public var complaint: String? { scheme.complaint }
}

extension WeightRule<SchemeSettings> {
    public init(_ weights: String..., scheme: Chosen<RuleSchemes>) {
        self.init(weights: weights, SchemeSettings(scheme: scheme))
    }
}

/// What a rule may choose: no codes, or a preset.
public enum RuleSchemes: MemberCatalogue {
    package static let all: [QuantizationScheme?] = [nil] + QuantizationPresets.all.map(\.scheme)
    public static let names = ["float"] + QuantizationPresets.names
}
