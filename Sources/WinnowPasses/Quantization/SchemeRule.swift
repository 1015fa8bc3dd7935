import WinnowTensor

/// Another scheme for some of the weights, or none: `{ weights: "head*", scheme: int8 }`, `{ weights: Conv, scheme: float }`.
public typealias SchemeRule = WeightRule<SchemeSettings>

/// What a rule says of quantization.
public struct SchemeSettings: RuleSettings {
    public static let parts: [(name: String, text: String)] = [
        ("scheme", "scheme (a preset, or float)"), ("scales", "scales (float32, float16, power-of-two, e8m0, e4m3; none: as all)"),
    ]

    /// A preset's name; float: the weight stays as it is.
    public var scheme: Chosen<RuleSchemes>
    /// nil: those of all weights.
    public var scales: ScaleChoice?

    public init(scheme: Chosen<RuleSchemes>, scales: ScaleChoice? = nil) { (self.scheme, self.scales) = (scheme, scales) }

    public init?(_ table: [String: HyperparameterValue]) throws {
        guard let scheme: Chosen<RuleSchemes> = try Self.part("scheme", of: table) else { return nil }
        self.init(scheme: scheme, scales: try Self.part("scales", of: table))
    }

    public var table: [String: HyperparameterValue] {
        var table = ["scheme": scheme.hyperparameterValue]
        if let scales { table["scales"] = scales.hyperparameterValue }
        return table
    }

    public var complaint: String? {
        if let complaint = scheme.complaint { return complaint }
        guard let scales, let own = scheme.member else { return nil }
        return scales.objection(to: own).map { "has scales \(scales.rawValue) of \(scheme): \($0)" }
    }
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
