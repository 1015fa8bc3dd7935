/// Every importance of channels, one line each.
public enum ChannelImportances: MemberCatalogue {
    package static let all: [any ChannelImportance.Type] = [
        L1Importance.self,
        L2Importance.self,
        GeometricMedianImportance.self,
        LAMPChannelImportance.self,
        BatchNormScaleImportance.self,
        TaylorChannelImportance.self,
        FisherChannelImportance.self,
        ActivationImportance.self,
        ZeroPercentageImportance.self,
        RandomChannelImportance.self,
    ]
    public static var names: [String] { all.map { $0.name } }
}
