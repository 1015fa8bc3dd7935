import Foundation
import WinnowPasses
import WinnowTensor

/// The steps of a recipe's text before they are passes, with those of the files that it includes.
struct RecipeSource {
    /// A step and where it is written: `step 2`, `common.yaml: step 1`.
    struct Step {
        var value: HyperparameterValue
        let place: String
    }

    let steps: [Step]

    /// Files that include others many times make a short recipe a long one.
    private static let includeLimit = 1000
    /// Files that may lie in each other.
    private static let depthLimit = 32

    /// Throws `.recipe` naming the key or the file that is wrong.
    ///
    /// - Parameter folder: where included files lie; nil: none is read.
    init(_ text: String, folder: String?) throws {
        var count = 0
        try self.init(text, folder: folder, including: [], &count)
    }

    /// - Parameters:
    ///   - including: the files whose text this is part of.
    ///   - count: how many files were included already.
    private init(_ text: String, folder: String?, including: [String], _ count: inout Int) throws {
        let table = try YAMLTable(text, .recipe, remedy: "begin with version: 1 and steps:")
        try table.allowOnly(["version", "steps"])
        guard case .int(let version)? = table.values["version"], version > 0 else {
            let problem = table.values["version"].map { "\($0) is no whole number above 0" } ?? "is missing"
            throw WinnowError(.recipe, "version", problem, remedy: "write version: \(Recipe.currentVersion)")
        }
        guard version <= Recipe.currentVersion else {
            throw WinnowError(.recipe, "version", "\(version) is newer than this program knows", remedy: "update winnow")
        }
        guard case .list(let steps)? = table.values["steps"] else {
            throw WinnowError(.recipe, "steps", "is missing or no list", remedy: "list the passes to apply")
        }
        self.steps = try steps.enumerated().flatMap { index, step -> [Step] in
            guard case .table(let table) = step, table.count == 1, case .string(let file)? = table["include"] else {
                return [Step(value: step, place: "step \(index + 1)")]
            }
            guard let folder else { throw WinnowError(.recipe, "include", "\(file) cannot be found from a text", remedy: "read the recipe from its file") }
            let path = URL(fileURLWithPath: file, relativeTo: URL(fileURLWithPath: folder, isDirectory: true)).standardizedFileURL.path
            guard !including.contains(path) else {
                throw WinnowError(.recipe, "include", "\(file) includes itself", remedy: "leave one of them out")
            }
            count += 1
            guard including.count < Self.depthLimit else {
                throw WinnowError(.recipe, "include", "\(file) lies in more than \(Self.depthLimit) others", remedy: "write its steps out")
            }
            guard count <= Self.includeLimit else {
                throw WinnowError(.recipe, "include", "\(file) is one of more than \(Self.includeLimit) files", remedy: "include fewer")
            }
            let text = try Self.text(of: path)
            do {
                let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
                let included = try RecipeSource(text, folder: folder, including: including + [path], &count)
                return included.steps.map { Step(value: $0.value, place: "\(file): \($0.place)") }
            } catch let error as WinnowError { throw error.within(file) }
        }
    }

    /// The text of a file or of what comes through a pipe, to its end. Throws `.file` where there is none.
    static func text(of path: String) throws -> String {
        guard let stream = FileHandle(forReadingAtPath: path), let bytes = try? stream.readToEnd() ?? Data() else {
            throw WinnowError(.file, path, "cannot be read", remedy: "check the path")
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension [RecipeSource.Step] {
    /// Puts `steps[0].sparsity=0.4` in place of what a step says; the name of its pass may stand between. Throws `.usage` for what names no
    /// step.
    mutating func apply(_ settings: [String]) throws {
        for setting in settings {
            guard let match = setting.wholeMatch(of: /steps\[(\d+)\]\.([^=]+)=(.*)/), let place = Int(match.1) else {
                throw WinnowError(.usage, "--set \(setting)", "names no step", remedy: "write for example --set steps[0].sparsity=0.4")
            }
            guard indices.contains(place) else {
                let last = isEmpty ? "none" : count == 1 ? "steps[0] alone" : "steps[0] to steps[\(count - 1)]"
                throw WinnowError(.usage, "--set \(setting)", "there is no such step", remedy: "the recipe has \(last)")
            }
            self[place].value = try self[place].value.setting(match.2, to: match.3, by: setting)
        }
    }
}

extension HyperparameterValue {
    /// A step with another value at a path: `sparsity`, or `with[0].alpha` of a pass that trains along; the names of passes may stand in it.
    fileprivate func setting(_ path: Substring, to text: Substring, by setting: String) throws -> HyperparameterValue {
        let (name, values) = try named(setting)
        let path = path.hasPrefix("\(name).") ? path.dropFirst(name.count + 1) : path
        guard let match = path.wholeMatch(of: /([^.\[]+)\[(\d+)\]\.(.+)/), let place = Int(match.2) else {
            return .table([name: .table(values.merging(try [String: HyperparameterValue](settings: ["\(path)=\(text)"])))])
        }
        guard case .list(var steps)? = values[String(match.1)], steps.indices.contains(place) else {
            throw WinnowError(
                .usage, "--set \(setting)", "\(name) has no \(match.1)[\(place)] there", remedy: "write it in the recipe, or set \(match.1) as a whole")
        }
        steps[place] = try steps[place].setting(match.3, to: text, by: setting)
        return .table([name: .table(values.merging([String(match.1): .list(steps)]))])
    }

    /// The pass of a step and what it says. Throws `.usage` where the step is no pass.
    fileprivate func named(_ setting: String) throws -> (name: String, values: [String: HyperparameterValue]) {
        switch self {
        case .string(let name): return (name, [:])
        case .table(let table):
            guard table.count == 1, let (name, body) = table.first else { break }
            if case .table(let values) = body { return (name, values) }
            if body == .none { return (name, [:]) }
        default: break
        }
        throw WinnowError(.usage, "--set \(setting)", "that step has no hyperparameters", remedy: "name the step of a pass")
    }
}
