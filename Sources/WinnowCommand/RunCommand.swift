import ArgumentParser
import Foundation
import Winnow

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Applies a recipe to a model and reports what was lost and won.",
        discussion: """
            Finished steps and checkpoints are kept beside the output until the run ends: after a stop, the same command goes
            on where it was and gives the same bytes.
            """)

    @Argument(help: "The recipe, a YAML file.") var recipe: String
    @Argument(help: "The ONNX file to read.") var input: String
    @OptionGroup var output: OutputArguments
    @OptionGroup var data: DataArguments
    @OptionGroup var shapes: ShapeArguments
    @OptionGroup var metric: MetricArguments
    @Option(help: "The HTML report to write; the same as JSON is written beside it.") var report: String?
    @Option(help: "The report's title and the network's name; default: the graph's name.") var name: String?
    @Option(help: "The folder for finished steps and checkpoints; default: the output's name with .state.") var state: String?
    @Option(help: "Fixes every random choice.") var seed: UInt64 = 0
    @Flag(help: "Fail if anything was skipped or fell back.") var strict = false
    @OptionGroup var verbosity: VerbosityArguments
    @OptionGroup var compute: ComputeArguments

    func run() throws {
        try compute.apply()
        let progress = ProgressLine(isQuiet: verbosity.quiet)
        var run = RecipeRun(try Recipe(reading: recipe), input: try Model(reading: input), output: output.output)
        (run.report, run.name, run.seed, run.isStrict, run.shapes) = (report, name, seed, strict, shapes.shape)
        run.stateFolder = state ?? OutputName.companion(of: output.output, suffix: ".state")
        run.judges = try metric.judge.map { [$0] } ?? []
        run.sources = [recipe] + (data.data.map { [$0] } ?? [])
        try run.checkOutputs()
        run.data = try data.load(for: run.input.graph, shapes: shapes.shape, quietly: verbosity.quiet)
        let result = try run(cancellation: Interruption.cancellation) { progress.show($0) }
        progress.finish()
        guard !verbosity.quiet else { return }
        if verbosity.verbose { for step in result.steps { print("\(step.name):"); for finding in step.findings { print("  \(finding)") } } }
        print(result.text)
        if let report { print("report: \(report)") }
    }
}
