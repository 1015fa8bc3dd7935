import ArgumentParser
import Winnow

struct NewCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new", abstract: "Makes a network with random weights.",
        discussion: "winnow new lenet-5 -o start.onnx\n\n" + Architecture.all.map { "  \($0.name): \($0.summary)" }.joined(separator: "\n"))

    @Argument(help: "The architecture.") var architecture: String
    @OptionGroup var output: OutputArguments
    @Option(help: "Layer widths of an mlp, input first: 784,256,10.") var widths: String?
    @Option(parsing: .unconditional, help: "Fixes the random weights; 0 or more.") var seed: UInt64 = 0
    @Flag(help: "JSON instead of text.") var json = false

    private struct Listing: Encodable {
        let output: String
        let architecture: String
        let parameters: Int
        let seed: UInt64
    }

    func run() throws {
        try output.check()
        let numbers = try widths.map { text in
            try text.split(separator: ",").map { part in
                guard let number = Int(part) else {
                    throw WinnowError(.usage, "--widths", "\(part) is no number", remedy: "write for example 784,256,10")
                }
                return number
            }
        }
        let model = Model(try Architecture.named(architecture).makeGraph(seed: seed, widths: numbers))
        try model.write(to: output.output)
        if json { return try printJSON(Listing(output: output.output, architecture: architecture, parameters: model.graph.parameterCount, seed: seed)) }
        print("\(output.output): \(architecture), \(model.graph.parameterCount) parameters")
    }
}
