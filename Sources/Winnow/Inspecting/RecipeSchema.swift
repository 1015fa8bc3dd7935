public import Foundation
import WinnowPasses

/// The JSON Schema of recipes, made of the passes: editors complete and check by it.
public enum RecipeSchema {
    /// The schema with sorted keys (JSON Schema, draft 2020-12).
    public static func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(schema)
    }

    private static var schema: HyperparameterValue {
        var definitions = Dictionary(
            PassCatalogue.all.map { ($0.name, definition(of: $0)) }, uniquingKeysWith: { first, _ in first })
        definitions["step"] = step(PassCatalogue.all.filter { $0 is any TrainingPass.Type })
        let saved: [String: HyperparameterValue] = [
            "save": ["type": "string", "pattern": "^[^./][^/]*$", "description": "writes the model as it is here to this name beside the output"],
            "include": ["type": "string", "description": "the steps of another recipe"],
        ]
        return .table([
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Winnow recipe",
            "type": "object",
            "required": ["version", "steps"],
            "additionalProperties": false,
            "properties": .table([
                "version": .table(["const": .int(Recipe.currentVersion)]),
                "steps": .table(["type": "array", "items": step(PassCatalogue.all, or: saved)]),
            ]),
            "$defs": .table(definitions),
        ])
    }

    /// One of these passes by its name, or its name with a table of hyperparameters; or one of `others`.
    private static func step(_ passes: [any Pass.Type], or others: [String: HyperparameterValue] = [:]) -> HyperparameterValue {
        let names = passes.map { HyperparameterValue.string($0.name) }
        var properties = others
        for type in passes { properties[type.name] = .table(["$ref": .string("#/$defs/\(type.name)")]) }
        let table: HyperparameterValue = .table([
            "type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": false, "properties": .table(properties),
        ])
        return .table(["anyOf": .list([.table(["enum": .list(names)]), table])])
    }

    private static func definition(of type: any Pass.Type) -> HyperparameterValue {
        let properties = type.init().hyperparameterDescriptions.map { parameter -> (String, HyperparameterValue) in
            guard case .table(var schema) = parameter.schema else { return (parameter.name, parameter.schema) }
            schema["description"] = .string(parameter.help)
            if schema["$ref"] == nil { schema["default"] = parameter.value }
            return (parameter.name, .table(schema))
        }
        return .table([
            "type": ["object", "null"], "description": .string(type.summary), "additionalProperties": false,
            "properties": .table(Dictionary(properties, uniquingKeysWith: { first, _ in first })),
        ])
    }
}
