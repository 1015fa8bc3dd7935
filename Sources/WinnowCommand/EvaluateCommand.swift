import ArgumentParser
import Winnow

struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Measures models side by side on data.",
        discussion: """
            winnow evaluate model.onnx small.onnx --data images/

            Accuracy where there are labels, else agreement with the first model; bytes, zeros and latency.
            """)

    @Argument(help: "The ONNX files.") var models: [String]
    @OptionGroup var data: DataArguments
    @Option(help: "The split: training, validation, test, or all of a source without splits.") var split: String = "test"
    @Flag(help: "JSON instead of a table.") var json = false
    @OptionGroup var shapes: ShapeArguments
    @OptionGroup var metric: MetricArguments
    @OptionGroup var math: MathArguments
    @OptionGroup var compute: ComputeArguments

    func run() throws {
        try compute.apply()
        let judge = try metric.judge
        guard let first = models.first else { return }
        let (splits, source) = try data.required(for: Model(reading: first).graph, shapes: shapes.shape, quietly: json)
        var options = shapes.measuring
        options.arithmetic = try math.arithmetic
        options.judges = judge.map { [$0] } ?? []
        let rows = try ModelRow.rows(models, data: splits, split: split, source: source, options: options)
        if json { try printJSON(rows) } else { print(ModelRow.text(rows)) }
    }
}
