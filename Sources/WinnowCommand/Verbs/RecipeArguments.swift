import ArgumentParser
import Winnow

/// What every command takes that applies a recipe.
struct RecipeArguments: ParsableArguments {
    @OptionGroup var work: WorkArguments
    @Option(help: "The HTML report to write; the same as JSON is written beside it.") var report: String?
    @Option(help: ArgumentHelp("The folder for finished steps and checkpoints; default: the output's name with .state.", visibility: .hidden))
    var state: String?
    @Option(parsing: .unconditional, help: "Fixes every random choice; 0 or more.") var seed: UInt64 = 0
    @Flag(help: "Fail if anything was skipped or fell back.") var strict = false

    /// Applies the recipe that is right for a model and its data, and says what was lost and won.
    ///
    /// - Parameters:
    ///   - sources: files that are read beside the model and the data.
    ///   - name: what the report calls the network.
    func run(
        on model: Model, to output: String, reading sources: [String] = [], called name: String? = nil,
        _ recipe: (DataSplits?) throws -> Recipe
    ) throws {
        // Outputs are checked before anything long begins.
        var run = RecipeRun(Recipe {}, input: model, output: output)
        (run.report, run.name, run.seed, run.isStrict, run.shapes) = (report, name, seed, strict, work.shapes.shape)
        run.stateFolder = state ?? OutputName.companion(of: output, suffix: ".state")
        run.judges = try work.metric.judge.map { [$0] } ?? []
        run.command = Invocation.text
        run.sources = sources + (work.data.data.map { [$0] } ?? [])
        try run.checkOutputs()
        run.data = try work.data(for: model)
        run.recipe = try recipe(run.data)
        try run.checkOutputs()
        let progress = work.progress
        let result = try run(cancellation: Interruption.cancellation) { progress.show($0) }
        progress.finish()
        if work.json { print(String(decoding: try result.json(), as: UTF8.self)); return }
        guard !work.verbosity.quiet else { return }
        if work.verbosity.verbose { for step in result.steps { print("\(step.name):"); for finding in step.findings { print("  \(finding)") } } }
        print(result.text)
        if let report { print("report: \(report)") }
    }
}
