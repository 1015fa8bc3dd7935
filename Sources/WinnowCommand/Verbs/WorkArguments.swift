import ArgumentParser
import Winnow

/// What every command takes that works on a model with data and says what came of it.
struct WorkArguments: ParsableArguments {
    @OptionGroup var data: DataArguments
    @OptionGroup var shapes: ShapeArguments
    @OptionGroup var metric: MetricArguments
    @Flag(help: "JSON instead of text; progress as lines of JSON on standard error.") var json = false
    @OptionGroup var verbosity: VerbosityArguments
    @OptionGroup var compute: ComputeArguments

    /// Whether nothing but results is printed.
    var isQuiet: Bool { verbosity.quiet || json }
    var progress: ProgressLine { ProgressLine(isQuiet: verbosity.quiet, isJSON: json) }

    /// The data for a model, where there are some.
    func data(for model: Model) throws -> DataSplits? {
        guard try data.data != nil || metric.judge == nil else {
            throw WinnowError(.usage, "--data", "is missing, and --metric judges with it", remedy: "give both, or neither")
        }
        return try data.load(for: model.graph, shapes: shapes.shape, quietly: isQuiet)
    }
}
