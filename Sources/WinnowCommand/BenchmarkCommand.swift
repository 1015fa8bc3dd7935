import ArgumentParser
import Winnow

struct BenchmarkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmark", abstract: "Times models: median and 95th percentile of one execution.")

    @Argument(help: "The ONNX files.") var models: [String]
    @Option(help: "Batch sizes, several separated by commas.") var batch = "1"
    @Option(help: "Seconds to measure each.") var seconds = 1.0
    @Flag(help: "JSON instead of lines.") var json = false
    @Flag(help: "List the steps of the executed plan.") var plan = false
    @OptionGroup var compute: ComputeArguments

    func run() throws {
        try compute.apply()
        let results = try models.flatMap { path in
            try ModelTiming.measure(Model(reading: path), batches: batch, seconds: seconds, listsSteps: plan)
        }
        if json { try printJSON(results); return }
        for result in results {
            print(result.text)
            for step in result.steps { print("  \(step)") }
        }
    }
}
