extension HyperparameterValue {
    /// A JSON Schema of this type, with what may be written in words.
    static func schema(_ type: String, _ words: String, in range: ClosedRange<Double>? = nil) -> HyperparameterValue {
        var table: [String: HyperparameterValue] = ["type": .string(type), "description": .string(words)]
        if let range {
            table["minimum"] = HyperparameterValue(range.lowerBound)
            table["maximum"] = HyperparameterValue(range.upperBound)
        }
        return .table(table)
    }

    /// A JSON Schema of one of these.
    static func schema(anyOf schemas: [HyperparameterValue]) -> HyperparameterValue { .table(["anyOf": .list(schemas)]) }

    /// A JSON Schema of one of these words; the word `none` may be written as no value.
    static func schema(words: [String]) -> HyperparameterValue {
        .table(["enum": .list(words.map { .string($0) } + (words.contains("none") ? [.none] : []))])
    }

    /// A JSON Schema of a pass's hyperparameters, which the schema of recipes has under its name.
    static func schema(ofPass name: String) -> HyperparameterValue { .table(["$ref": .string("#/$defs/\(name)")]) }
}

extension HyperparameterConvertible {
    public static func schema(in range: ClosedRange<Double>?) -> HyperparameterValue { .table(["description": .string(kind)]) }
}
