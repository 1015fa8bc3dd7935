import ArgumentParser
import Winnow

struct BenchmarkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmark", abstract: "Times executions or training steps.",
        discussion: "winnow benchmark model.onnx small.onnx --batch 1,8 --threads 1")

    @Argument(help: "The ONNX files.") var models: [String]
    @Option(parsing: .unconditional, help: "Batch sizes, several separated by commas; 1, or that of --input, where it is left out.")
    var batch: String?
    @OptionGroup var shapes: ShapeArguments
    @Option(help: "An npz, npy or safetensors file with arrays for inputs; the others are random.") var input: String?
    @Option(parsing: .unconditional, help: "Seconds to measure each.") var seconds = 1.0
    @Flag(help: "JSON instead of lines.") var json = false
    @Flag(help: "Time training steps (batch, forward, backward, update with SGD) instead of executions.") var training = false
    @Flag(help: "List the steps of the executed plan with the time and share of each.") var plan = false
    @OptionGroup var math: MathArguments
    @OptionGroup var compute: ComputeArguments

    func run() throws {
        try compute.apply()
        let results = try models.flatMap { path in
            let model = try Model(reading: path)
            var options = try ModelTimer.Options(shapes: shapes.shape)
            if let input { options.values = try Arrays.read(input, for: model) }
            options.arithmetic = try math.arithmetic
            return try ModelTiming.measure(
                model, training ? .training : .inference, batches: batch, seconds: seconds, listsSteps: plan, options: options)
        }
        if json { try printJSON(results); return }
        for result in results {
            print(result.text)
            for step in result.steps { print("  \(step)") }
        }
    }
}
