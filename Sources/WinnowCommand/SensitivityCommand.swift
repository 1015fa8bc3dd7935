import ArgumentParser
import Foundation
import Winnow

struct SensitivityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sensitivity",
        abstract: "Says what each part loses when it is changed.",
        discussion: """
            winnow sensitivity model.onnx --data images/ --report parts.html

            The model is never written. The file of --output, {"name": {"0.1": loss}}, is what structured-pruning takes as \
            sensitivity=FILE: channels then go where least is lost, within max-loss or a budget.
            """)

    @Argument(help: "The ONNX file to read.") var input: String
    @Option(name: .customLong("by"), help: "What is changed alone: weight, layer or group (of coupled channels).") var unit =
        "weight"
    @Option(help: "The pass that changes it; default: structured-pruning for groups, else magnitude-pruning.") var pass: String?
    @Option(name: .customLong("set"), help: "A hyperparameter of the pass: KEY=VALUE. May be given several times.") var settings:
        [String] = []
    @Option(help: "The hyperparameter that strengths are values of; default: sparsity, bits or whatever the pass has.")
    var strength: String?
    @Option(parsing: .unconditional, help: "Strengths, with commas between; default: 0.1 to 0.9 for a sparsity.") var strengths: String?
    @OptionGroup var metric: MetricArguments
    @Option(parsing: .unconditional, help: "Validation samples to judge by at most; default: all.") var samples: Int?
    @Option(
        parsing: .unconditional, help: "What a part may lose by itself, of 1, before it is left alone in the steps that are printed; with --json too.")
    var maxLoss: Double?
    @Option(help: "The folder that keeps what was judged, so that a later run goes on; default: the output's name with .state, until the end.")
    var state: String?
    @Option(name: [.short, .long], help: "The JSON file to write.") var output: String?
    @Option(help: "The HTML page to write.") var report: String?
    @Flag(help: "Print the JSON instead of a table.") var json = false
    @Option(parsing: .unconditional, help: "Fixes every random choice; 0 or more.") var seed: UInt64 = 0
    @OptionGroup var data: DataArguments
    @OptionGroup var shapes: ShapeArguments
    @OptionGroup var verbosity: VerbosityArguments
    @OptionGroup var compute: ComputeArguments

    func run() throws {
        try compute.apply()
        if let samples, samples < 1 { throw WinnowError(.usage, "--samples", "is \(samples)", remedy: "give at least 1") }
        var run = try SensitivityRun(by: unit, pass: pass, settings: settings)
        (run.hyperparameter, run.sampleCount, run.stateFolder, run.seed) = (strength, samples, state, seed)
        if state == nil, let written = output ?? report {
            run.stateFolder = OutputName.companion(of: written, suffix: ".state")
            run.removesState = true
        }
        (run.output, run.report, run.sources) = (output, report, data.data.map { [$0] } ?? [])
        if let maxLoss {
            guard maxLoss >= 0, maxLoss.isFinite else {
                throw WinnowError(.usage, "--max-loss", "is \(maxLoss)", remedy: "give a number from 0 on, such as 0.01")
            }
            run.maxLoss = maxLoss
        }
        run.strengths = try strengths.map(Self.numbers)
        run.judge = try metric.judge
        run.command = Invocation.text
        try run.checkOutputs(reading: input)
        let model = try Model(reading: input)
        let progress = ProgressLine(isQuiet: verbosity.quiet, isJSON: json)
        let splits = try data.required(for: model.graph, shapes: shapes.shape, quietly: json || verbosity.quiet).splits
        let result = try run(on: model, data: splits, cancellation: Interruption.cancellation) { progress.show($0) }
        progress.finish()
        if json, maxLoss != nil {
            try printJSON(Listing(losses: result.table, exceptions: result.exceptions(losing: run.maxLoss)))
        } else if json {
            try printJSON(result.table)
        } else if !verbosity.quiet {
            print(try result.text(losing: run.maxLoss))
        }
    }

    private struct Listing: Encodable {
        let losses: SensitivityTable
        let exceptions: [SensitivityResult.Exception]
    }

    private static func numbers(_ text: String) throws -> [Double] {
        try text.split(separator: ",").map { part in
            guard let number = Double(part.trimmingCharacters(in: .whitespaces)), number.isFinite else {
                throw WinnowError(.usage, "--strengths", "\(part) is no number", remedy: "write for example 0.25,0.5,0.75")
            }
            return number
        }
    }
}
