import ArgumentParser
import Winnow

struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Compares two models: cost, accuracy, and how far their outputs are apart.")

    @Argument(help: "The first ONNX file, the one to compare with.") var first: String
    @Argument(help: "The second ONNX file.") var second: String
    @OptionGroup var data: DataArguments
    @Flag(help: "JSON instead of text.") var json = false
    @OptionGroup var compute: ComputeArguments

    func run() throws {
        try compute.apply()
        let comparison = try Comparison(Model(reading: first), Model(reading: second), data: data.load())
        if json { try printJSON(comparison); return }
        print(Report(title: "", environment: [:], models: comparison.models, steps: []).text)
        for output in comparison.outputs {
            let noise = output.signalToNoiseDecibels.map { "\(($0 * 10).rounded() / 10) dB" } ?? "equal"
            print(
                "\(output.name): cosine \(output.cosine), signal to noise \(noise), largest difference \(output.maximumDifference), "
                    + "same top-1 for \((output.agreement * 10_000).rounded() / 100) % of \(comparison.sampleCount) (\(comparison.samples))")
        }
    }
}
