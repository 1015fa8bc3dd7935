import WinnowReport
import WinnowTensor

extension ModelSummary: CustomStringConvertible {
    public var description: String { text }

    /// A table for the terminal: one line a node, then the totals, then the tensors if there are any.
    public var text: String {
        let versions = opsets.sorted { $0.key < $1.key }.map { "\($0.key.isEmpty ? "ai.onnx" : $0.key) \($0.value)" }
        var lines = ["\(name), opset \(versions.joined(separator: ", "))"]
        lines.append("inputs   " + inputs.map { "\($0.name): \($0.type)" }.joined(separator: ", "))
        lines.append("outputs  " + outputs.map { "\($0.name): \($0.type)" }.joined(separator: ", "))
        lines += nodeLines + totals
        if let masks { lines += [""] + Self.lines(of: masks) }
        if let tensors { lines += [""] + Self.lines(of: tensors) }
        return lines.joined(separator: "\n")
    }

    private var nodeLines: [String] {
        let isQuantized = nodes.contains { $0.quantization != nil }
        let header = ["node", "operator", "input", "output", "element type", "parameters", "bytes", "MACs", "zero"]
        let rows = nodes.map { node in
            [
                node.name, node.type, node.inputs.map(\.shape).joined(separator: " "),
                node.outputs.map(\.shape).joined(separator: " "), node.elementType,
                node.parameters > 0 ? Format.count(node.parameters) : "",
                node.parameters > 0 ? Format.count(node.parameterByteCount) : "",
                node.multiplyAccumulates.map(Format.count) ?? "",
                node.parameters > 0 ? Format.percent(node.sparsity, 1) : "",
            ] + (isQuantized ? [node.quantization ?? ""] : [])
        }
        return TextTable(header: header + (isQuantized ? ["quantization"] : []), rows: rows).lines
    }

    private var totals: [String] {
        func megabytes(_ bytes: Int) -> String { Format.number(Double(bytes) / 1_048_576, 2) }
        let selected = nodes.reduce(into: (parameters: 0, products: 0)) { sum, node in
            sum.parameters += node.parameters
            sum.products += node.multiplyAccumulates ?? 0
        }
        let whole = inputByteCount.flatMap { inputs in passByteCount.map { $0 + inputs + parameterByteCount } }
        // `give --shape x=1x3xHxW with numbers, or data`
        let missing = missingShapes.map { "needs " + $0.replacing("give ", with: "").replacing(", or data", with: "") } ?? "not known"
        let selection =
            nodes.count == nodeCount
            ? []
            : [
                "Selected: \(nodes.count) of \(nodeCount) nodes, \(Format.count(selected.parameters)) params, "
                    + "\(Format.count(selected.products)) MACs"
            ]
        return selection + [
            "Total params: \(Format.count(parameters))",
            "Trainable params: \(Format.count(trainableParameters))",
            "Non-trainable params: \(Format.count(parameters - trainableParameters))",
            "Total MACs a sample: \(multiplyAccumulates.map(Format.count) ?? missing)",
            "Input size (MB): \(inputByteCount.map(megabytes) ?? missing)",
            "Forward/backward pass size (MB): \(passByteCount.map(megabytes) ?? missing)",
            "Params size (MB): \(megabytes(parameterByteCount))",
            "Estimated Total Size (MB): \(whole.map(megabytes) ?? missing)",
        ]
    }

    private static func lines(of masks: [Mask]) -> [String] {
        TextTable(
            header: ["masked tensor", "mask", "zero", "pruned by"],
            rows: masks.map { [$0.tensor, $0.mask, Format.percent($0.sparsity, 1), $0.methods.joined(separator: "; ")] }
        ).lines
    }

    private static func lines(of tensors: [Parameter]) -> [String] {
        func short(_ value: Double) -> String {
            value == value.rounded() && value.magnitude < 1e6 ? Format.number(value, 0) : Format.number(value, 4)
        }
        return TextTable(
            header: ["tensor", "type", "bytes", "least", "largest", "mean", "deviation", "zero", "non-zero elements"],
            rows: tensors.map { tensor in
                [
                    tensor.name, tensor.type, Format.count(tensor.byteCount), short(tensor.minimum), short(tensor.maximum),
                    short(tensor.mean), short(tensor.standardDeviation), Format.percent(tensor.sparsity, 1),
                    tensor.histogram?.bars ?? "",
                ]
            }
        ).lines
    }

    /// The graph for Graphviz: `winnow inspect m.onnx --format dot | dot -Tsvg`.
    public var dot: String {
        func quoted(_ text: String) -> String {
            "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n") + "\""
        }
        let shown = Set(nodes.flatMap { node in node.outputs.map(\.name) })
        var lines = ["digraph \(quoted(name)) {", "  node [shape=box, fontname=\"sans-serif\"];"]
        for input in inputs { lines.append("  \(quoted("%" + input.name)) [shape=ellipse, label=\(quoted("\(input.name)\n\(input.type)"))];") }
        var producers = Dictionary(inputs.map { ($0.name, "%" + $0.name) }, uniquingKeysWith: { first, _ in first })
        for node in nodes {
            let details = [node.name, node.type] + (node.parameters > 0 ? ["\(Format.count(node.parameters)) parameters"] : [])
                + (node.quantization.map { [$0] } ?? [])
            lines.append("  \(quoted(node.name)) [label=\(quoted(details.joined(separator: "\n")))];")
            for output in node.outputs { producers[output.name] = node.name }
        }
        for node in nodes {
            for input in node.inputs where shown.contains(input.name) || inputs.contains(where: { $0.name == input.name }) {
                lines.append("  \(quoted(producers[input.name] ?? "")) -> \(quoted(node.name)) [label=\(quoted(input.shape))];")
            }
        }
        for output in outputs where shown.contains(output.name) {
            lines.append("  \(quoted("=" + output.name)) [shape=ellipse, label=\(quoted("\(output.name)\n\(output.type)"))];")
            lines.append("  \(quoted(producers[output.name] ?? "")) -> \(quoted("=" + output.name));")
        }
        return (lines + ["}"]).joined(separator: "\n")
    }
}

extension Histogram {
    /// One block character a bin, as high as its count: `▁▂▅█▅▂▁`.
    fileprivate var bars: String {
        let blocks = Array("▁▂▃▄▅▆▇█")
        let highest = counts.max() ?? 0
        return String(counts.map { count in count == 0 ? " " : blocks[count * (blocks.count - 1) / max(1, highest)] })
    }
}
