import ArgumentParser
import Winnow

/// What models are judged by.
struct MetricArguments: ParsableArguments {
    @Option(help: ArgumentHelp(
        "What models are judged by: a metric's name, or a command that prints a number, such as 'python score.py {model}'.", valueName: "metric"))
    var metric: String?
    @Flag(help: "The metric's command prints a loss.")
    var lowerIsBetter = false

    var judge: Judge? { get throws { try metric.map { try Judge.named($0, isLowerBetter: lowerIsBetter) } } }
}
