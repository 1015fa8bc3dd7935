import ArgumentParser
import Winnow

struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Compares two models and their outputs.",
        discussion: "winnow compare model.onnx small.onnx --data images/ --nodes")

    @Argument(help: "The first ONNX file, the one to compare with.") var first: String
    @Argument(help: "The second ONNX file.") var second: String
    @OptionGroup var data: DataArguments
    @OptionGroup var shapes: ShapeArguments
    @Flag(help: "Compare the values inside too, and find the first node where the models part.") var nodes = false
    @Option(parsing: .unconditional, help: "The relative error from which two values part.") var tolerance = 0.001
    @Flag(help: "JSON instead of text.") var json = false
    @OptionGroup var compute: ComputeArguments

    func run() throws {
        try compute.apply()
        guard tolerance >= 0 else { throw WinnowError(.usage, "--tolerance", "is \(tolerance)", remedy: "give a number from 0") }
        let (first, second) = (try Model(reading: first), try Model(reading: second))
        let comparison = try Comparison(
            first, second, data: data.load(for: first.graph, shapes: shapes.shape, quietly: json),
            nodeTolerance: nodes ? tolerance : nil, options: shapes.measuring)
        if json { try printJSON(comparison) } else { print(comparison.text) }
    }
}
