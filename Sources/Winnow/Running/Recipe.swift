import Foundation
public import WinnowPasses
import WinnowTensor

/// An ordered list of steps, read from YAML or built in Swift; it prints as the YAML that it can be read from.
///
/// ```swift
/// let recipe = Recipe {
///     StructuredPruning { $0.sparsity = 0.5; $0.importance = "fpgm" }
///     Finetune { $0.epochs = 5 }
///     if isQuantized { StaticQuantization { $0.calibration.range = "entropy" } }
///     Save("pruned")
/// }
/// ```
public struct Recipe: Sendable {
    /// What a recipe does at one place.
    public enum Step: Sendable {
        case pass(PassStep)
        /// Writes the model as it is here to this file beside the output, and measures it in the report.
        case save(String)
    }

    /// The format this program writes; recipes of older versions keep loading.
    public static let currentVersion = 1

    public var steps: [Step]

    /// The passes in order, without what is saved.
    public var passes: [any Pass] {
        steps.compactMap { if case .pass(let step) = $0 { step.pass } else { nil } }
    }
}

extension Recipe {
    /// The same behind a step that removes what an exporter noted in the model, where it did.
    public func tidying(_ model: Model) -> Recipe {
        var recipe = self
        if model.graph.noteByteCount > 0 { recipe.steps.insert(.pass(PassStep(RemoveNotes())), at: 0) }
        return recipe
    }

    /// Reads YAML: `version: 1` and `steps:`, each a pass's name or `name: { hyperparameter: value }`.
    /// Throws `.recipe` naming the step and what would be right.
    ///
    /// A step `include: file` stands for the steps of another recipe.
    ///
    /// - Parameters:
    ///   - settings: `steps[0].sparsity=0.4` in place of what the recipe says, steps counted from 0 with those that are included.
    ///   - folder: where included files lie; nil: none is read.
    public init(yaml text: String, settings: [String] = [], includesIn folder: String? = nil) throws {
        var sources = try RecipeSource(text, folder: folder).steps
        try sources.apply(settings)
        steps = try sources.map { source in
            do { return try Self.step(source.value) } catch let error as WinnowError { throw error.within(source.place) }
        }
        var saved: Set<String> = []
        for (source, step) in zip(sources, steps) {
            guard case .save(let file) = step, !saved.insert(file).inserted else { continue }
            throw WinnowError(.recipe, "save: \(file)", "is what another step saves", remedy: "give another name").within(source.place)
        }
    }

    private static func step(_ value: HyperparameterValue) throws -> Step {
        if case .table(let table) = value, table.count == 1, case .string(let name)? = table["save"] {
            let step = Save(name).step
            try step.check()
            return step
        }
        if case .table(let table) = value, table.count == 1, let (key, name) = table.first, ["save", "include"].contains(key) {
            throw WinnowError(.recipe, key, "is \(name), not the name of a file", remedy: "write \(key): NAME, in quotes if it looks like a number")
        }
        return .pass(try PassStep(value))
    }
}

extension Recipe.Step {
    /// Throws `.recipe` for a file that would lie elsewhere than beside the output.
    func check() throws {
        guard case .save(let file) = self, file.contains("/") || file.hasPrefix(".") else { return }
        throw WinnowError(.recipe, "save", "\(file.dropLast(".onnx".count)) is no plain file name")
    }
}

extension Recipe: CustomStringConvertible {
    /// The recipe as YAML, hyperparameters that have their defaults left out.
    public var description: String {
        let lines = steps.map { "\n  - \($0)" }
        return "version: \(Self.currentVersion)\nsteps:" + (lines.isEmpty ? " []" : lines.joined())
    }
}

extension Recipe.Step: CustomStringConvertible {
    /// `structured-pruning: { sparsity: 0.7 }`, `save: pruned`
    public var description: String {
        switch self {
        case .pass(let step): "\(step)"
        case .save(let file): "save: \(HyperparameterValue.string(String(file.dropLast(".onnx".count))).yaml)"
        }
    }
}

extension Recipe {
    /// One pass with `key=value` settings, as the command line gives them.
    public init(pass name: String, settings: [String]) throws { try self.init([Draft(name)], settings: settings) }

    /// Reads a recipe file; throws `.file` if it cannot be read, `.recipe` naming file and step if it is wrong.
    ///
    /// - Parameter settings: `steps[0].sparsity=0.4` in place of what the recipe says.
    public init(reading path: String, settings: [String] = []) throws {
        let text = try RecipeSource.text(of: path)
        do {
            try self.init(yaml: text, settings: settings, includesIn: URL(fileURLWithPath: path).deletingLastPathComponent().path)
        } catch let error as WinnowError where error.kind != .usage { throw error.within(path) }
    }
}
