import ArgumentParser
import Winnow

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Shows what a model consists of: nodes, shapes, parameters, MACs, sparsity.")

    @Argument(help: "The ONNX file.") var model: String
    @Flag(help: "The whole graph as text, one line a node.") var text = false
    @Flag(help: "JSON instead of a table.") var json = false

    func run() throws {
        let model = try Model(reading: model)
        let summary = ModelSummary(model.graph)
        if text { print(model.graph.text); return }
        if json { try printJSON(summary); return }
        print("\(summary.name), opset \(summary.opsets.sorted { $0.key < $1.key }.map { "\($0.key.isEmpty ? "ai.onnx" : $0.key) \($0.value)" }.joined(separator: ", "))")
        print("inputs   " + summary.inputs.joined(separator: ", "))
        print("outputs  " + summary.outputs.joined(separator: ", "))
        let rows = summary.nodes.map { node in
            [
                node.name, node.type, node.outputs.first ?? "", "\(node.parameters)", "\(node.parameterByteCount)",
                node.multiplyAccumulates.map(String.init) ?? "–",
                node.parameters > 0 ? "\((node.sparsity * 1000).rounded() / 10) %" : "",
            ]
        }
        let table = TextTable(header: ["node", "operator", "output", "parameters", "bytes", "MACs", "zero"], rows: rows)
        for line in table.lines { print(line) }
        print("total: \(summary.parameters) parameters, \(summary.parameterByteCount) bytes, \(summary.multiplyAccumulates) MACs a sample")
    }
}
