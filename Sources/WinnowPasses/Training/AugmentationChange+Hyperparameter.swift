import WinnowTensor
public import WinnowTraining

extension AugmentationChange: HyperparameterConvertible {
    public static var kind: String {
        "one of \(AugmentationCatalogue.all.map { $0.name }.joined(separator: ", ")), or a table of one with its strength, input and replacement"
    }

    public static func schema(in range: ClosedRange<Double>?) -> HyperparameterValue {
        let methods = AugmentationCatalogue.all
        let tables = methods.map { method -> HyperparameterValue in
            .table([
                "type": "object", "required": .list([.string(method.name)]), "additionalProperties": false,
                "properties": .table([
                    method.name: .schema("number", method.help, in: method.strengths),
                    "input": .schema("string", "the only input that it changes"), "replacement": .schema("integer", "what dropped tokens become"),
                ]),
            ])
        }
        return .schema(anyOf: [.schema(words: methods.map { $0.name })] + tables)
    }

    /// `flip`, `{ crop: 4 }` or `{ token-dropout: 0.1, input: ids, replacement: 103 }`.
    public init?(_ value: HyperparameterValue) throws {
        if let name = value.word {
            guard let method = Self.method(name) else { return nil }
            self.init(name, by: method.usualStrength)
            return
        }
        guard case .table(let table) = value, let (name, strength) = table.first(where: { Self.method($0.key) != nil }) else { return nil }
        guard let number = strength.double else { throw WinnowError(.recipe, "augment: \(name)", "is \(strength), not a number") }
        self.init(name, by: number)
        for (key, value) in table.sorted(by: { $0.key < $1.key }) where key != name {
            switch (key, value) {
            case ("input", _) where value.word != nil: input = value.word
            case ("replacement", .int(let number)): replacement = number
            case ("input", _), ("replacement", _): throw WinnowError(.recipe, "augment: \(key)", "is \(value)", remedy: "give a name as input, a whole number as replacement")
            default:
                throw WinnowError(
                    .recipe, "augment: \(key)", "is no part of \(name)", remedy: "give input, replacement, or each change its own entry of the list")
            }
        }
    }

    private static func method(_ name: String) -> (any AugmentationMethod.Type)? { AugmentationCatalogue.all.first { $0.name == name } }

    public var hyperparameterValue: HyperparameterValue {
        var table: [String: HyperparameterValue] = [method: .number(strength)]
        if let input { table["input"] = .string(input) }
        if replacement != 0 { table["replacement"] = .int(replacement) }
        return .table(table)
    }
}
