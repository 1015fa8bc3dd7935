/// A hyperparameter by which a pass does more or less.
public struct Strength: Sendable {
    public let hyperparameter: String
    /// The value with which the pass changes nothing; nil: there is none.
    public let none: HyperparameterValue?
    /// Values from little to much; none makes the model larger than the one before.
    public let rising: [HyperparameterValue]

    public init(_ hyperparameter: String, none: HyperparameterValue? = nil, rising: [HyperparameterValue] = []) {
        self.hyperparameter = hyperparameter
        self.none = none
        self.rising = rising
    }
}

extension Strength {
    static let sparsity = Strength("sparsity", none: 0, rising: [0.25, 0.5, 0.75, 0.9])
}
