import ArgumentParser
import Winnow

struct ApplyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Applies one pass, and says what it did.",
        discussion: """
            winnow apply magnitude-pruning model.onnx -o pruned.onnx --set sparsity=0.8

            winnow passes lists the passes; winnow passes NAME explains one.
            """)

    @Argument(help: "The pass.") var pass: String
    @Argument(help: "The ONNX file to read.") var input: String
    @OptionGroup var output: OutputArguments
    @Option(name: .customLong("set"), help: "A hyperparameter: KEY=VALUE. May be given several times.") var settings: [String] = []
    @OptionGroup var data: DataArguments
    @Option(parsing: .unconditional, help: "Fixes every random choice; 0 or more.") var seed: UInt64 = 0
    @Flag(help: "JSON instead of lines.") var json = false
    @Flag(help: "Fail if anything was skipped or fell back.") var strict = false
    @OptionGroup var shapes: ShapeArguments
    @OptionGroup var verbosity: VerbosityArguments
    @OptionGroup var compute: ComputeArguments

    func run() throws {
        try compute.apply()
        try output.check(reading: [data.data], replacing: input)
        let recipe = try Recipe(pass: pass, settings: settings)
        let model = try Model(reading: input)
        let progress = ProgressLine(isQuiet: verbosity.quiet, isJSON: json)
        let loaded = try data.load(for: model.graph, shapes: shapes.shape, quietly: json || verbosity.quiet)
        var pipeline = Pipeline(recipe, data: loaded)
        (pipeline.seed, pipeline.task) = (seed, "apply")
        // Nothing is measured here, so every sample may fix ranges.
        pipeline.calibration = pipeline.data?.whole
        let before = try ApplySummary.Cost(model, data: pipeline.data, shapes: shapes.shape)
        let result = try pipeline.run(on: model, cancellation: Interruption.cancellation) { progress.show($0) }
        progress.finish()
        let findings = result.findings
        if strict { try Strictness.check(findings) }
        try result.model.write(to: output.output)
        if json { try printJSON(findings); return }
        guard !verbosity.quiet else { return }
        let summary = try ApplySummary(findings, from: before, to: result.model, output: output.output)
        for line in summary.lines(isVerbose: verbosity.verbose) { print(line) }
    }
}
