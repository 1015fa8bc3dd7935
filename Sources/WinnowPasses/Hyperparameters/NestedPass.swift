/// A pass as a hyperparameter of another: a table of its own.
extension HyperparameterConvertible where Self: Pass {
    public static var kind: String { "a table of \(name)'s hyperparameters" }
    public static func schema(in range: ClosedRange<Double>?) -> HyperparameterValue { .schema(ofPass: name) }
    public init?(_ value: HyperparameterValue) throws {
        guard case .table(let values) = value else { return nil }
        try self.init(hyperparameters: values)
    }
    public var hyperparameterValue: HyperparameterValue { .table(hyperparameters) }
    public var recipeValue: HyperparameterValue { .table(changes) }
}
