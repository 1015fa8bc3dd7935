/// Every rule, one line each.
public enum RangeRules: MemberCatalogue {
    package static let all: [any RangeRule.Type] = [
        MinMaxRange.self,
        PercentileRange.self,
        EntropyRange.self,
        MeanRange.self,
    ]
    public static var names: [String] { all.map { $0.name } }
}
