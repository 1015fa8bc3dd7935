import WinnowGraph

extension Onnx_GraphProto {
    /// The floating-point initializers of one axis or more that torch's exporter tells to be no parameters: buffers, tensors among the
    /// code, and what was computed when it wrote the file, of no parameter. It notes with a value which of these it is, or the names of
    /// all that it was computed of, and with the graph what its parameters are called.
    var exportedConstants: Set<ValueName> {
        let entries = metadataProps.dictionary
        let parameters = entries[ExportKey.signature].map(Self.parameterNames)
        let candidates = Set(initializer.filter { !$0.dims.isEmpty && $0.isFloatingPoint }.map(\.name))
        var result: Set<ValueName> = []
        for info in valueInfo where !info.metadataProps.isEmpty && candidates.contains(info.name) {
            let notes = info.metadataProps.dictionary
            if let kind = notes[ExportKey.kind] {
                if ExportKey.constantKinds.contains(kind) { result.insert(info.name) }
            } else if let sources = notes[ExportKey.sources], let parameters, parameters.isDisjoint(with: Self.quoted(sources)) {
                result.insert(info.name)
            }
        }
        return result
    }

    /// Of lines such as `p_fc_weight: PARAMETER target='fc.weight'`.
    private static func parameterNames(_ signature: String) -> Set<String> {
        Set(signature.split(separator: "\n").filter { $0.contains(": PARAMETER ") }.flatMap { quoted(String($0)) })
    }

    /// What stands between quotes in `['a', 'b']`.
    private static func quoted(_ text: String) -> [String] {
        text.split(separator: "'", omittingEmptySubsequences: false).enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) }
    }
}

/// Under which keys torch's exporter and the optimizer it runs note what they know.
private enum ExportKey {
    static let signature = "pkg.torch.export.ExportedProgram.graph_signature"
    static let kind = "pkg.torch.export.graph_signature.InputSpec.kind"
    static let sources = "pkg.onnxscript.optimizer.folded_from"
    static let constantKinds: Set<String> = ["BUFFER", "CONSTANT_TENSOR"]
}

extension Onnx_TensorProto {
    fileprivate var isFloatingPoint: Bool {
        [Onnx_TensorProto.DataType.float, .double, .float16, .bfloat16].contains { Int32($0.rawValue) == dataType }
    }
}
