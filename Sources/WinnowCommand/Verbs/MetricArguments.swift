import ArgumentParser
import Winnow

/// What models are judged by.
struct MetricArguments: ParsableArguments {
    @Option(help: ArgumentHelp(
        "What models are judged by: a metric's name, or a command that prints a number, such as 'python score.py {model}'.", valueName: "metric"))
    var metric: String?
    @Flag(help: "The number of the metric's command should be low: a loss, an error. Metrics with names know that themselves.")
    var lowerIsBetter = false

    var judge: Judge? { get throws { try metric.map { try Judge.named($0, isLowerBetter: lowerIsBetter) } } }
}
