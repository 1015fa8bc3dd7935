import Foundation
package import WinnowPasses
import WinnowTensor

/// An ordered list of steps, readable from YAML or built in Swift.
public struct Recipe: Sendable {
    /// What a recipe does at one place.
    package enum Step: Sendable {
        case pass(PassStep)
        /// Writes the model as it is here to this name beside the output, and measures it in the report.
        case save(String)
    }

    /// The format this program writes; recipes of older versions keep loading.
    public static let currentVersion = 1

    package var steps: [Step]

    package init(_ passes: [any Pass]) { steps = passes.map { .pass(PassStep($0)) } }

    package var passes: [any Pass] {
        steps.compactMap { if case .pass(let step) = $0 { step.pass } else { nil } }
    }
}

extension Recipe {
    /// Reads YAML: `version: 1` and `steps:`, each a pass's name or `name: { hyperparameter: value }`.
    /// Throws `.recipe` naming the step and what would be right.
    public init(yaml text: String) throws {
        let table = try YAMLTable(text, .recipe, remedy: "begin with version: 1 and steps:")
        try table.allowOnly(["version", "steps"])
        guard case .int(let version)? = table.values["version"] else {
            throw WinnowError(.recipe, "version", "is missing or no number", remedy: "write version: \(Self.currentVersion)")
        }
        guard (1...Self.currentVersion).contains(version) else {
            throw WinnowError(.recipe, "version", "\(version) is newer than this program knows", remedy: "update winnow")
        }
        guard case .list(let steps)? = table.values["steps"] else {
            throw WinnowError(.recipe, "steps", "is missing or no list", remedy: "list the passes to apply")
        }
        self.steps = try steps.enumerated().map { index, step in
            do { return try Self.step(step) } catch let error as WinnowError { throw error.within("step \(index + 1)") }
        }
    }

    private static func step(_ value: HyperparameterValue) throws -> Step {
        if case .table(let table) = value, table.count == 1, case .string(let name)? = table["save"] {
            guard !name.contains("/"), !name.hasPrefix(".") else {
                throw WinnowError(.recipe, "save", "\(name) is no plain file name")
            }
            return .save(name.hasSuffix(".onnx") ? name : name + ".onnx")
        }
        return .pass(try PassStep(value))
    }
}

extension Recipe {
    /// One pass with `key=value` settings, as the command line gives them.
    public init(pass name: String, settings: [String]) throws {
        let values = try [String: HyperparameterValue](settings: settings)
        steps = [.pass(try PassStep(named: name, hyperparameters: values))]
    }

    /// Reads a recipe file; throws `.file` if it cannot be read, `.recipe` naming file and step if it is wrong.
    public init(reading path: String) throws {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw WinnowError(.file, path, "cannot be read", remedy: "check the path")
        }
        do { try self.init(yaml: String(decoding: bytes, as: UTF8.self)) } catch let error as WinnowError {
            throw error.within(path)
        }
    }
}
