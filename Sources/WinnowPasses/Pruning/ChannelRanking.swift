/// How what the weights of a group say of its channels becomes one score, and how groups compare.
public struct ChannelRanking: HyperparameterGroup {
    /// How the weights that make the same channels count (Fang et al. 2023, section 3.3).
    public enum Reduction: String, HyperparameterChoice, Codable {
        /// As if they were one weight: a norm is that of all their numbers, a distance one between them, and one gate closes them all.
        case joint
        case first, mean, max, sum, product
    }

    /// What the scores of a group are divided by before they are compared with those of others.
    public enum Normalization: String, HyperparameterChoice, Codable { case none, mean, max }

    @Hyperparameter("how the scores of several weights that make the same channels become one")
    public var reduce = Reduction.joint
    @Hyperparameter(
        "what scores are divided by before those of several groups are compared", counts: .with("scope", ["global", "isomorphic"]))
    public var normalize = Normalization.mean

    public init() {}

    /// One score for each channel of a group.
    func scores(of members: [ChannelMember], by importance: any ChannelImportance) -> [Float] {
        let count = members.first?.group.channelCount ?? 0
        guard reduce != .joint, members.count > 1 else { return importance.scores(of: members).map { Float($0) } }
        let each = members.map { importance.scores(of: [$0]) }
        return (0..<count).map { channel in Float(reduced(each.map { $0[channel] })) }
    }

    private func reduced(_ scores: [Double]) -> Double {
        switch reduce {
        case .first: scores.first ?? 0
        case .joint, .sum: scores.reduce(0, +)
        case .mean: scores.reduce(0, +) / Double(Swift.max(1, scores.count))
        case .max: scores.max() ?? 0
        case .product: scores.reduce(1, *)
        }
    }

    /// Scores of one group as they are compared with those of others.
    func normalized(_ scores: [Float]) -> [Float] {
        let divisor: Float =
            switch normalize {
            case .none: 1
            case .mean: scores.reduce(0, +) / Float(Swift.max(1, scores.count))
            case .max: scores.max() ?? 0
            }
        return divisor > 0 ? scores.map { $0 / divisor } : scores
    }
}
