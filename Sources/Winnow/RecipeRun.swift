import WinnowGraph
import Foundation
public import WinnowEngine
import WinnowFormats
public import WinnowReport
import WinnowTensor

/// A recipe, a model, data and where results go: what `winnow run` does.
public struct RecipeRun: Sendable {
    public var recipe: Recipe
    public var input: Model
    public var output: String
    public var data: DataSplits?
    public var report: String?
    public var name: String?
    public var stateFolder: String?
    public var seed: UInt64
    public var isStrict: Bool

    public init(
        recipe: Recipe, input: Model, output: String, data: DataSplits? = nil, report: String? = nil, name: String? = nil,
        stateFolder: String? = nil, seed: UInt64 = 0, isStrict: Bool = false
    ) {
        self.recipe = recipe
        self.input = input
        self.output = output
        self.data = data
        self.report = report
        self.name = name
        self.stateFolder = stateFolder
        self.seed = seed
        self.isStrict = isStrict
    }

    /// Runs the recipe, writes the model and the report, and removes the state once all is written.
    @discardableResult
    public func callAsFunction(
        cancellation: Cancellation = Cancellation(), progress: @escaping @Sendable (Pipeline.Progress) -> Void = { _ in }
    ) throws -> Report {
        let title = name ?? input.graph.name
        let pipeline = Pipeline(
            recipe, data: data, seed: seed, stateFolder: stateFolder, cancellation: cancellation, progress: progress)
        let folder = URL(fileURLWithPath: output).deletingLastPathComponent().path
        let result = try pipeline.run(on: input, name: title, outputFolder: folder)
        if isStrict { try Strictness.check(result.steps.flatMap(\.findings)) }
        try result.model.write(to: output)
        let before = try input.measurement(model: title, stage: stage(of: input.path, "input"), data: data)
        let after = try Model(result.model.graph, path: output).measurement(
            model: title, stage: stage(of: output, "output"), data: data)
        let report = Report(
            title: title, environment: Platform.environment, models: [before] + result.saved + [after], steps: result.steps)
        if let path = self.report {
            try AtomicFile.write(report.html, to: path)
            try AtomicFile.write(Array(try report.json()), to: URL(fileURLWithPath: path).deletingPathExtension().path + ".json")
        }
        if let stateFolder { try? FileManager.default.removeItem(atPath: stateFolder) }
        return report
    }

    private func stage(of path: String?, _ fallback: String) -> String {
        path.map { URL(fileURLWithPath: $0).deletingPathExtension().lastPathComponent } ?? fallback
    }
}
