import ArgumentParser
import Winnow

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Rehearses a recipe on a model with a few samples, before hours of work.",
        discussion: """
            winnow check recipe.yaml model.onnx --data images/

            Every step runs: with few samples, and for one epoch where it trains. Nothing is written.
            """)

    @Argument(help: "The recipe, a YAML file.") var recipe: String
    @Argument(help: "The ONNX file to read.") var input: String
    @Option(name: .customLong("set"), help: "A value in place of the recipe's: steps[0].sparsity=0.4. May be given several times.")
    var settings: [String] = []
    @OptionGroup var data: DataArguments
    @OptionGroup var shapes: ShapeArguments
    @OptionGroup var metric: MetricArguments
    @Option(help: "Samples of each split to rehearse with.") var samples = 64
    @Flag(help: "JSON instead of text.") var json = false
    @OptionGroup var verbosity: VerbosityArguments
    @OptionGroup var compute: ComputeArguments

    func run() throws {
        try compute.apply()
        let isQuiet = verbosity.quiet || json
        let recipe = try Recipe(reading: recipe, settings: settings)
        let model = try Model(reading: input)
        guard samples > 0 else { throw WinnowError(.usage, "--samples", "is \(samples)", remedy: "give at least 1") }
        let data = try data.load(for: model.graph, shapes: shapes.shape, quietly: isQuiet)
        let progress = ProgressLine(isQuiet: isQuiet)
        let steps = try recipe.rehearsed(
            on: model, data: data, samples: samples, judge: metric.judge, cancellation: Interruption.cancellation
        ) { progress.show($0) }
        progress.finish()
        if json { return try printJSON(steps) }
        guard !verbosity.quiet else { return }
        for (number, step) in steps.enumerated() {
            print("step \(number + 1), \(step.summary)")
            for finding in step.findings where verbosity.verbose || [.skipped, .fellBack].contains(finding.status) { print("  \(finding)") }
        }
        print("the recipe fits the model and the data")
    }
}
