/// Every importance of channels, one line each.
public enum ChannelImportances: MemberCatalogue {
    package static let all: [any ChannelImportance.Type] = [
        L1Importance.self,
        L2Importance.self,
        GeometricMedianImportance.self,
    ]
    public static var names: [String] { all.map { $0.name } }
}
