import ArgumentParser
import Winnow

struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Compares two models: cost, accuracy, and how far their outputs are apart.")

    @Argument(help: "The first ONNX file, the one to compare with.") var first: String
    @Argument(help: "The second ONNX file.") var second: String
    @OptionGroup var data: DataArguments
    @OptionGroup var shapes: ShapeArguments
    @Flag(help: "Compare the values inside too, and find the first node where the models part.") var nodes = false
    @Option(help: "The relative error from which two values part.") var tolerance = 0.001
    @Flag(help: "JSON instead of text.") var json = false
    @OptionGroup var compute: ComputeArguments

    func run() throws {
        try compute.apply()
        let (first, second) = (try Model(reading: first), try Model(reading: second))
        let comparison = try Comparison(
            first, second, data: data.load(for: first.graph, shapes: shapes.shape, quietly: json), shapes: shapes.shape,
            nodeTolerance: nodes ? tolerance : nil, cancellation: Interruption.cancellation)
        if json { try printJSON(comparison); return }
        print(Report(title: "", environment: [:], models: comparison.models, steps: []).text)
        for output in comparison.outputs {
            let agreement = output.agreement.map { ", same top-1 for \(($0 * 10_000).rounded() / 100) %" } ?? ""
            print(
                "\(output.name): \(output.deviation.text)\(agreement) "
                    + "(\(comparison.sampleCount) samples, \(comparison.samples))")
        }
        if let divergence = comparison.divergence { print("\n" + divergence.text) }
    }
}
