import ArgumentParser
import Winnow

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Shows what a model consists of.",
        discussion: """
            winnow inspect m.onnx 'conv*' Gemm     the nodes whose name, operator or tensor matches
            winnow inspect m.onnx --tensors        every tensor with its distribution
            winnow inspect m.onnx --format dot | dot -Tsvg > m.svg
            winnow inspect int8.onnx --encodings scales.json    scales and zero points, for encodings=FILE or AIMET
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case table, layers, json, dot, text }

    @Argument(help: "The ONNX file.") var model: String
    @Argument(help: "Globs of node names, operators or tensors; none: everything.") var globs: [String] = []
    @Option(help: "table, layers (in the manner of paddle.summary), json, dot (for Graphviz) or text (the whole graph, one line a node).") var format = Format.table
    @Flag(help: "The tensors too, with a histogram of their non-zero elements.") var tensors = false
    @Flag(help: "The same as --format json.") var json = false
    @Option(help: "The JSON file to write scales and zero points of a quantized model to.") var encodings: String?
    @Option(help: "The version of its format: \(EncodingVersion.allCases.map(\.rawValue).joined(separator: ", ")).")
    var encodingsVersion = EncodingVersion.offsets.rawValue
    @OptionGroup var shapes: ShapeArguments
    @OptionGroup var reading: ReadingArguments

    func run() throws {
        reading.apply()
        let model = try Model(reading: model)
        if let encodings {
            let (activations, weights) = try model.writeEncodings(to: encodings, EncodingVersion(named: encodingsVersion))
            guard json || format == .json else {
                print("\(encodings): \(activations) activations, \(weights) weights")
                return
            }
            return try printJSON(WrittenEncodings(file: encodings, activations: activations, weights: weights))
        }
        let format = json ? .json : format
        guard format != .text else { print(model.graph.text); return }
        guard format != .layers else { print(try LayerTable(model.graph, shapes: shapes.shape).text); return }
        let summary = try ModelSummary(model.graph, selecting: globs, tensors: tensors, shapes: shapes.shape)
        switch format {
        case .json: try printJSON(summary)
        case .dot: print(summary.dot)
        default: print(summary.text)
        }
    }
}

/// How many encodings were written.
private struct WrittenEncodings: Encodable {
    var file: String
    var activations: Int
    var weights: Int
}
