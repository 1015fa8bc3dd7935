/// Every way, one line each.
public enum ConvolutionSplits: MemberCatalogue {
    package static let all: [any ConvolutionSplit.Type] = [
        ChannelSplit.self,
        SpatialSplit.self,
        TuckerSplit.self,
        NoSplit.self,
    ]
    public static var names: [String] { all.map { $0.name } }
}
