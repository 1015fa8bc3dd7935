import ArgumentParser
import Foundation
import Winnow

struct PickCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pick", abstract: "Writes another candidate of a search.",
        discussion: "winnow pick small.onnx.search --size 1MB -o other.onnx")

    @Argument(help: "The folder that winnow compress left beside its output.") var folder: String
    @OptionGroup var output: OutputArguments
    @Option(parsing: .unconditional, help: ArgumentHelp("The largest file.", valueName: "25%|1MB")) var size: String?
    @Option(parsing: .unconditional, help: ArgumentHelp("The largest zip of it.", valueName: "10%|300kB")) var zippedSize: String?
    @Option(parsing: .unconditional, help: ArgumentHelp("The longest time for a sample.", valueName: "50%|3ms")) var latency: String?
    @Option(parsing: .unconditional, help: ArgumentHelp("The most multiply–accumulates of a sample.", valueName: "50%|300M")) var macs: String?
    @Option(parsing: .unconditional, help: "Points of a hundred that the score may drop, or so much of a metric in its own unit; default: any.")
    var maxDrop: Double?
    @Flag(help: "JSON instead of text.") var json = false

    func run() throws {
        try output.check()
        let limits = try LimitArguments.amounts([
            (.size, size, "--size"), (.zippedSize, zippedSize, "--zipped-size"), (.latency, latency, "--latency"),
            (.multiplyAccumulates, macs, "--macs"),
        ])
        guard !limits.isEmpty || maxDrop != nil else {
            throw WinnowError(.usage, "pick", "has nothing to choose by", remedy: "give --size, --zipped-size, --latency, --macs or --max-drop")
        }
        if let maxDrop, !(maxDrop >= 0) {
            throw WinnowError(
                .usage, "--max-drop", "is \(maxDrop)", remedy: "give points of a hundred, or so much of a metric in its unit, 0 or more: 0.5")
        }
        let picked = try SearchFolder(folder).pick(CompressionTargets(maxDrop: maxDrop ?? .infinity, limits: limits))
        try picked.model.write(to: output.output)
        if json { return try printJSON(picked.trial) }
        print("\(output.output): \(picked.trial.title)")
        for cost in CompressionCost.allCases { picked.trial[cost].map { print("\(cost.words): \(cost.text($0))") } }
        if let score = picked.trial.measuredScore { print("score on validation data: \(String(format: "%.4f", score))") }
    }
}
