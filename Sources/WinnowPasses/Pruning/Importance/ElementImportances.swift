/// Every importance of single weights, one line each.
public enum ElementImportances: MemberCatalogue {
    package static let all: [any ElementImportance.Type] = [
        MagnitudeImportance.self,
        LAMPImportance.self,
        WandaImportance.self,
        SparseGPTImportance.self,
        TaylorImportance.self,
        FisherImportance.self,
        MovementImportance.self,
        RandomImportance.self,
        CustomImportance.self,
    ]
    public static var names: [String] { all.map { $0.name } }
}
