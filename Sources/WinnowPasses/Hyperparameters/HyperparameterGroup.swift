/// Hyperparameters that several passes have in common: a stored property of a pass, listed among the pass's own.
public protocol HyperparameterGroup: Sendable {
    init()

    /// The values of an older recipe as this group calls them now.
    static func current(_ values: [String: HyperparameterValue]) -> [String: HyperparameterValue]
}

extension HyperparameterGroup {
    public static func current(_ values: [String: HyperparameterValue]) -> [String: HyperparameterValue] { values }
}
