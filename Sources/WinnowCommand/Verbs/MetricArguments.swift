import ArgumentParser
import Winnow

/// What models are judged by.
struct MetricArguments: ParsableArguments {
    @Option(help: ArgumentHelp(
        "What models are judged by: a metric's name, or a command that prints a number, such as 'python score.py {model}'.", valueName: "metric"))
    var metric: String?
    @Flag(help: "The metric's command prints a loss.")
    var lowerIsBetter = false

    /// Throws `.usage` for a metric that there is not, and for a direction where no command has one.
    var judge: Judge? {
        get throws {
            let judge = try metric.map { try Judge.named($0, isLowerBetter: lowerIsBetter) }
            guard !lowerIsBetter || metric?.contains(ModelProgram.modelPlace) == true else {
                throw WinnowError(
                    .usage, "--lower-is-better", "is about a command, and \(metric.map { "--metric \($0)" } ?? "no --metric") names none",
                    remedy: "give --metric 'python score.py \(ModelProgram.modelPlace)', or leave it out")
            }
            return judge
        }
    }
}
