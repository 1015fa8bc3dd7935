/// Every rounding, one line each.
public enum WeightRoundings: MemberCatalogue {
    package static let all: [any WeightRounding.Type] = [
        NearestRounding.self,
        SumPreservingRounding.self,
        GPTQRounding.self,
        AdaptiveRounding.self,
        BlockRounding.self,
        SequentialMSERounding.self,
        HalfQuadraticRounding.self,
    ]
    public static var names: [String] { all.map { $0.name } }
}
