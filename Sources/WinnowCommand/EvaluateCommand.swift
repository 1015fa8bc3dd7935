import ArgumentParser
import Winnow

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Measures accuracy, bytes, sparsity and latency of models, side by side.")

    @Argument(help: "The ONNX files.") var models: [String]
    @OptionGroup var data: DataArguments
    @Option(help: "The split: training, validation or test.") var split: String = "test"
    @Flag(help: "JSON instead of a table.") var json = false
    @OptionGroup var math: MathArguments
    @OptionGroup var compute: ComputeArguments

    func run() throws {
        try compute.apply()
        let (splits, source) = try data.required()
        let rows = try models.map { path in
            try ModelRow(path: path, data: splits, split: split, source: source, usesBFloat16: math.bfloat16)
        }
        if json { try printJSON(rows) } else { print(ModelRow.text(rows)) }
    }
}
