/// Every rule, one line each.
public enum RangeRules: MemberCatalogue {
    package static let all: [any RangeRule.Type] = [
        MinMaxRange.self,
        MovingAverageRange.self,
        PercentileRange.self,
        TokenPercentileRange.self,
        MeanSquareRange.self,
        EntropyRange.self,
        RuntimeEntropyRange.self,
        HistogramRange.self,
    ]
    public static var names: [String] { all.map { $0.name } }
}
