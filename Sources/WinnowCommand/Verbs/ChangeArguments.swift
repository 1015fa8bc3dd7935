import ArgumentParser
import Foundation
import Winnow

/// What models are judged by.
struct MetricArguments: ParsableArguments {
    @Option(help: ArgumentHelp(
        "What models are judged by: a metric's name, or a command that prints a number, such as 'python score.py {model}'.", valueName: "metric"))
    var metric: String?
    @Flag(help: "The number of the metric's command should be low.") var lowerIsBetter = false

    var judge: Judge? { get throws { try metric.map { try Judge.named($0, isLowerBetter: lowerIsBetter) } } }
}

/// What a command takes that makes one model of another.
struct ChangeArguments: ParsableArguments {
    @Argument(help: "The ONNX file to read.") var input: String
    @Option(name: [.short, .long], help: "The ONNX file to write; default: the input's name with what was done behind it.") var output: String?
    @OptionGroup var data: DataArguments
    @OptionGroup var shapes: ShapeArguments
    @OptionGroup var metric: MetricArguments
    @Option(help: "The HTML report to write; the same as JSON is written beside it.") var report: String?
    @Option(name: .customLong("set"), help: "A further hyperparameter of the pass: KEY=VALUE. May be given several times.") var settings: [String] = []
    @Option(help: "The folder for finished steps and checkpoints; default: the output's name with .state.") var state: String?
    @Option(help: "Fixes every random choice.") var seed: UInt64 = 0
    @Flag(help: "Fail if anything was skipped or fell back.") var strict = false
    @Flag(help: "JSON instead of text.") var json = false
    @OptionGroup var verbosity: VerbosityArguments
    @OptionGroup var compute: ComputeArguments

    /// Applies the recipe that is right for the model and the data, and says what was lost and won.
    func run(_ suffix: String, reading sources: [String] = [], _ recipe: (_ model: Model, _ data: DataSplits?) throws -> Recipe) throws {
        try compute.apply()
        let model = try Model(reading: input)
        let isQuiet = verbosity.quiet || json
        let loaded = try data.load(for: model.graph, shapes: shapes.shape, quietly: isQuiet)
        let name = URL(fileURLWithPath: input).deletingPathExtension().path
        let output = output ?? OutputName.companion(of: name, suffix: "-\(suffix).onnx")
        var run = RecipeRun(try recipe(model, loaded), input: model, output: output, data: loaded)
        (run.report, run.seed, run.isStrict, run.shapes) = (report, seed, strict, shapes.shape)
        run.stateFolder = state ?? OutputName.companion(of: output, suffix: ".state")
        run.sources = sources + (data.data.map { [$0] } ?? [])
        run.judges = try metric.judge.map { [$0] } ?? []
        try run.checkOutputs()
        let progress = ProgressLine(isQuiet: isQuiet)
        let result = try run(cancellation: Interruption.cancellation) { progress.show($0) }
        progress.finish()
        if json { print(String(decoding: try result.json(), as: UTF8.self)); return }
        guard !verbosity.quiet else { return }
        if verbosity.verbose { for step in result.steps { print("\(step.name):"); for finding in step.findings { print("  \(finding)") } } }
        print(result.text)
        print("written: \(output)")
        if let report { print("report: \(report)") }
    }
}
