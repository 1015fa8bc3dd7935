import WinnowTensor

extension Graph {
    /// The graph as readable lines, one a node; equal graphs give equal text, so texts can be compared line by line.
    ///
    /// `%y: float32[N, 10] = Gemm(%x, @w, @b) {transB: 1}  # fc1`
    public var text: String {
        var lines = ["graph \(name) (\(inputs.map { "%\($0.name): \($0.type)\($0.defaultValue == nil ? "" : " = default")" }.joined(separator: ", "))) {"]
        for name in initializerNames {
            if let tensor = initializers[name] { lines.append("  @\(name): \(ValueType(tensor.elementType, tensor.shape))") }
        }
        lines += nodes.map { "  \(line(of: $0))  # \($0.name)" }
        for (variable, value) in updates.sorted(by: { $0.key < $1.key }) { lines.append("  @\(variable) <- \(reference(value))") }
        lines.append("  return \(outputs.map(reference).joined(separator: ", "))")
        return (lines + ["}"]).joined(separator: "\n")
    }

    /// A node as `text` has it, without its name.
    package func line(of node: Node) -> String {
        let outputs = node.outputs.map { "\(reference($0))\(infos[$0].map { ": \($0.type)" } ?? "")" }
        let attributes = node.op.attributes.names.compactMap { key in
            node.op.attributes[key].map { "\(key): \($0)" }
        }
        return "\(outputs.joined(separator: ", ")) = \(node.op.type)(\(node.inputs.map(reference).joined(separator: ", ")))"
            + (attributes.isEmpty ? "" : " {\(attributes.joined(separator: ", "))}")
    }

    private func reference(_ name: ValueName) -> String {
        name.isEmpty ? "_" : initializers[name] == nil ? "%\(name)" : "@\(name)"
    }
}

extension Graph: CustomStringConvertible {
    public var description: String { text }
}
