import ArgumentParser
import Winnow

/// What every command takes that applies a recipe.
struct RecipeArguments: ParsableArguments {
    @OptionGroup var data: DataArguments
    @OptionGroup var shapes: ShapeArguments
    @OptionGroup var metric: MetricArguments
    @Option(help: "The HTML report to write; the same as JSON is written beside it.") var report: String?
    @Option(help: "The folder for finished steps and checkpoints; default: the output's name with .state.") var state: String?
    @Option(help: "Fixes every random choice.") var seed: UInt64 = 0
    @Flag(help: "Fail if anything was skipped or fell back.") var strict = false
    @Flag(help: "JSON instead of text.") var json = false
    @OptionGroup var verbosity: VerbosityArguments
    @OptionGroup var compute: ComputeArguments

    /// Applies the recipe that is right for a model and its data, and says what was lost and won.
    ///
    /// - Parameters:
    ///   - sources: files that are read beside the model and the data.
    ///   - name: what the report calls the network.
    func run(
        on model: Model, to output: String, reading sources: [String] = [], called name: String? = nil,
        _ recipe: (DataSplits?) throws -> Recipe
    ) throws {
        let isQuiet = verbosity.quiet || json
        // Outputs are checked before anything long begins.
        var run = RecipeRun(Recipe {}, input: model, output: output)
        (run.report, run.name, run.seed, run.isStrict, run.shapes) = (report, name, seed, strict, shapes.shape)
        run.stateFolder = state ?? OutputName.companion(of: output, suffix: ".state")
        run.judges = try metric.judge.map { [$0] } ?? []
        run.sources = sources + (data.data.map { [$0] } ?? [])
        try run.checkOutputs()
        run.data = try data.load(for: model.graph, shapes: shapes.shape, quietly: isQuiet)
        run.recipe = try recipe(run.data)
        try run.checkOutputs()
        let progress = ProgressLine(isQuiet: isQuiet)
        let result = try run(cancellation: Interruption.cancellation) { progress.show($0) }
        progress.finish()
        if json { print(String(decoding: try result.json(), as: UTF8.self)); return }
        guard !verbosity.quiet else { return }
        if verbosity.verbose { for step in result.steps { print("\(step.name):"); for finding in step.findings { print("  \(finding)") } } }
        print(result.text)
        if let report { print("report: \(report)") }
    }
}
