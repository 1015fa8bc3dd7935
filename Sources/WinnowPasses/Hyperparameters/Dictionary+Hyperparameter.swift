/// A table of names and values; tables within it are names with dots, as `--set rules.conv1.weight=0.3` makes them.
extension Dictionary: HyperparameterConvertible where Key == String, Value: HyperparameterConvertible {
    public static var kind: String { "a table of names, each with \(Value.kind)" }
    public static func schema(in range: ClosedRange<Double>?) -> HyperparameterValue {
        let inner: HyperparameterValue = .table(["type": "object"])
        return .table(["type": "object", "additionalProperties": .schema(anyOf: [Value.schema(in: range), inner])])
    }

    public init?(_ value: HyperparameterValue) throws {
        guard case .table(let table) = value else { return nil }
        self.init()
        for (name, value) in table {
            if let own = try Value(value) {
                self[name] = own
            } else if let inner = try Self(value) {
                for (rest, value) in inner { self["\(name).\(rest)"] = value }
            } else {
                return nil
            }
        }
    }

    public var hyperparameterValue: HyperparameterValue { .table(mapValues(\.hyperparameterValue)) }
    public var recipeValue: HyperparameterValue { .table(mapValues(\.recipeValue)) }
}
