import ArgumentParser
import Winnow

struct ConformanceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conformance",
        abstract: "Runs folders of ONNX test cases.",
        discussion: """
            winnow conformance /usr/share/libonnx-testdata/node --filter 'test_conv*'

            A case is a folder with model.onnx and test_data_set_*/input_*.pb and output_*.pb. data.json beside the model may \
            set rtol and atol; else they are 1e-3 and 1e-7.
            """)

    @Argument(help: "The folders; cases in folders below count too.") var folders: [String]
    @Option(help: "Only cases whose name matches this pattern (* any text, ? one character).") var filter = "*"
    @Flag(help: "JSON instead of text.") var json = false
    @OptionGroup var compute: ComputeArguments

    func run() throws {
        try compute.apply()
        let results = try Conformance.run(folders, filter: filter)
        if json { try printJSON(results) } else { for result in results { print(result.text) } }
        let failures = results.reduce(0) { $0 + $1.count(.failed) }
        if failures > 0 { throw WinnowError(.model, "conformance", "\(failures) cases failed") }
    }
}
