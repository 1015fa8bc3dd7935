import ArgumentParser
import Foundation
import Winnow

struct CompressCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compress", abstract: "Finds the recipe that meets targets; applies it.",
        discussion: """
            winnow compress model.onnx --data images/ --max-drop 0.5 --target-size 25% -o small.onnx \\
              --report report.html

            Without a target the model becomes as small and fast as it goes at no larger drop. Candidates are kept beside the output: \
            after a stop the same command goes on, and `winnow pick` writes another of them. Exit code 3: a target was missed, and the \
            nearest was written; with --plan: none that would be tried can reach it.
            """)

    @Argument(help: "The ONNX file to read.") var input: String
    @OptionGroup var output: OutputArguments
    @OptionGroup var limits: LimitArguments
    @Option(parsing: .unconditional, help: "Points of a hundred that the score may drop, or so much of a metric in its own unit.") var maxDrop = 0.5
    @Option(parsing: .unconditional, help: ArgumentHelp("The time for the whole search.", valueName: "20m")) var timeBudget = "20m"
    @Option(help: "The runtime that integers are for: onnxruntime, openvino, tensorrt, portable or coreml.") var profile = "onnxruntime"
    @Option(help: ArgumentHelp("A command that prints a model's milliseconds, in place of Winnow's: 'python time.py {model}'.", valueName: "command"))
    var latencyIn: String?
    @Flag(help: "Print what would be tried and how long it takes, and stop.") var plan = false
    @Option(help: "The HTML report to write; the same as JSON is written beside it.") var report: String?
    @Option(help: "The folder for candidates; default: the output's name with .search.") var state: String?
    @Option(parsing: .unconditional, help: "Fixes every random choice; 0 or more.") var seed: UInt64 = 0
    @OptionGroup var work: WorkArguments

    func run() throws { try WinnowError.leading(to: "Compress", compress) }

    private func compress() throws {
        try work.compute.apply()
        let model = try Model(reading: input)
        var search = CompressionSearch(model, output: output.output)
        search.targets = CompressionTargets(maxDrop: maxDrop, limits: try limits.limits)
        search.timeBudget = try Self.duration(timeBudget)
        search.profile = try Chosen(named: profile, for: "--profile")
        search.judge = try work.metric.judge
        search.latencyProgram = try latencyIn.map { try ModelProgram($0, for: "--latency-in") }
        (search.report, search.seed, search.shapes, search.command) = (report, seed, work.shapes.shape, Invocation.text)
        if let state { search.folder = state }
        search.sources = work.data.data.map { [$0] } ?? []
        try search.checkOutputs()
        search.data = try work.data(for: model)
        let progress = work.progress
        if plan {
            let (lines, isInReach) = try search.plan(cancellation: Interruption.cancellation) { progress.show($0) }
            progress.finish()
            if work.json { try printJSON(["plan": lines]) } else { print(lines.joined(separator: "\n")) }
            if !isInReach { throw ExitCode(3) }
            return
        }
        let result = try search(cancellation: Interruption.cancellation) { progress.show($0) }
        progress.finish()
        if work.json { print(String(decoding: try result.report.json(), as: UTF8.self)) } else if !work.verbosity.quiet { tell(result, search.folder) }
        if !result.isMet { throw ExitCode(3) }
    }

    private func tell(_ result: CompressionOutcome, _ folder: String) {
        print(result.report.text)
        print("written: \(output.output); recipe: \(result.recipe)\(report.map { "; report: \($0)" } ?? "")")
        print("other candidates: winnow pick \(Invocation.quoted(folder)) --size 50% -o other.onnx")
        if !result.isMet { print("a target was missed: the nearest that was found is written") }
    }

    private static let seconds: [Character: Double] = ["s": 1, "m": 60, "h": 3600]

    private static func duration(_ text: String) throws -> Duration {
        guard let unit = text.last.flatMap({ seconds[$0] }), let number = Double(text.dropLast()), number > 0, number < 1e6 else {
            throw WinnowError(.usage, "--time-budget", "\(text) is no time", remedy: "write for example 90s, 20m or 2h")
        }
        return .seconds(number * unit)
    }
}

/// The most that may be left of each cost.
struct LimitArguments: ParsableArguments {
    @Option(parsing: .unconditional, help: ArgumentHelp("The largest file.", valueName: "25%|900kB")) var targetSize: String?
    @Option(parsing: .unconditional, help: ArgumentHelp("The largest zip of it.", valueName: "10%|300kB")) var targetZippedSize: String?
    @Option(parsing: .unconditional, help: ArgumentHelp("The longest time for a sample on one thread.", valueName: "50%|3ms"))
    var targetLatency: String?
    @Option(parsing: .unconditional, help: ArgumentHelp("The most multiply–accumulates of a sample.", valueName: "50%|300M")) var targetMacs: String?

    var limits: [CompressionCost: Amount] {
        get throws {
            try Self.amounts([
                (.size, targetSize, "--target-size"), (.zippedSize, targetZippedSize, "--target-zipped-size"),
                (.latency, targetLatency, "--target-latency"), (.multiplyAccumulates, targetMacs, "--target-macs"),
            ])
        }
    }

    static func amounts(_ texts: [(cost: CompressionCost, text: String?, option: String)]) throws -> [CompressionCost: Amount] {
        try Dictionary(
            uniqueKeysWithValues: texts.compactMap { cost, text, option in
                try text.map { (cost, try cost.amount(parsing: $0, for: option)) }
            })
    }
}
