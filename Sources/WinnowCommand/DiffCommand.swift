import ArgumentParser
import Winnow

struct DiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Shows in what two graphs differ.",
        discussion: "winnow diff model.onnx small.onnx")

    @Argument(help: "The first ONNX file.") var first: String
    @Argument(help: "The second ONNX file.") var second: String
    @Flag(help: "JSON instead of text.") var json = false
    @OptionGroup var reading: ReadingArguments

    func run() throws {
        reading.apply()
        let difference = ModelDifference(try Model(reading: first).graph, try Model(reading: second).graph)
        if json { try printJSON(difference) } else { print(difference.text) }
    }
}
