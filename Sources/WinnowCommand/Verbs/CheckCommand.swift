import ArgumentParser
import Winnow

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Rehearses a recipe with a few samples.",
        discussion: """
            winnow check recipe.yaml model.onnx --data images/

            Every step runs: with few samples, and for one epoch where it trains. Nothing is written.
            """)

    @Argument(help: "The recipe, a YAML file.") var recipe: String
    @Argument(help: "The ONNX file to read.") var input: String
    @Option(name: .customLong("set"), help: "A value in place of the recipe's: steps[0].sparsity=0.4. May be given several times.")
    var settings: [String] = []
    @Option(parsing: .unconditional, help: "Samples of each split to rehearse with.") var samples = 64
    @OptionGroup var work: WorkArguments

    func run() throws {
        try work.compute.apply()
        let recipe = try Recipe(reading: recipe, settings: settings)
        let model = try Model(reading: input)
        guard samples > 0 else { throw WinnowError(.usage, "--samples", "is \(samples)", remedy: "give at least 1") }
        let judge = try work.metric.judge
        let data = try work.data(for: model)
        let progress = work.progress
        let steps = try recipe.rehearsed(
            on: model, data: data, samples: samples, judge: judge, cancellation: Interruption.cancellation
        ) { progress.show($0) }
        progress.finish()
        if work.json { return try printJSON(steps) }
        guard !work.verbosity.quiet else { return }
        for (number, step) in steps.enumerated() {
            print("step \(number + 1), \(step.summary)")
            for finding in step.findings where work.verbosity.verbose || [.skipped, .fellBack].contains(finding.status) { print("  \(finding)") }
        }
        print("the recipe fits the model and the data")
    }
}
