public import WinnowGraph
import WinnowTensor

/// Removes what a file says of its graph, nodes and values in words, which no runtime reads.
public struct RemoveNotes: Pass {
    public static let name = "remove-notes"
    public static let page = "Cleanup"
    public static let summary = "removes what exporters note beside nodes and values, such as lines of source code"
    public static let guide = """
        torch's exporter keeps for each node from which lines of which files it came, in texts that can be larger than the weights of a \
        compressed model; documentation of nodes and values goes too. What the model itself says of itself (its own documentation and \
        properties), what its values and axes are (denotations) and what Winnow records stay.
        """
    public static let isIdempotent = true

    public init() {}

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        let count = graph.noteByteCount
        var ledger = WeightLedger(graph)
        if count > 0 { ledger.note(Finding("graph", .done, .byteCount, before: Double(count), after: 0, reason: "noted beside nodes and values")) }
        return PassResult(graph: count > 0 ? try graph.withoutNotes() : graph, findings: ledger.findings { _ in "its numbers stay as they are" })
    }
}

extension Graph {
    /// Bytes of texts that `RemoveNotes` takes away.
    package var noteByteCount: Int {
        metadata.graphNotes.foreignByteCount
            + metadata.valueNotes.values.reduce(0) { $0 + $1.notes.foreignByteCount + $1.tensor.foreignByteCount }
            + nodes.reduce(0) { $0 + $1.notes.foreignByteCount + $1.op.bodies.values.reduce(0) { $0 + $1.noteByteCount } }
    }

    fileprivate func withoutNotes() throws -> Graph {
        var metadata = metadata
        metadata.graphNotes.removeForeign()
        for name in metadata.valueNotes.keys.sorted() {
            metadata.valueNotes[name]?.notes.removeForeign()
            metadata.valueNotes[name]?.tensor.removeForeign()
        }
        metadata.valueNotes = metadata.valueNotes.filter { !$0.value.isEmpty }
        let nodes = try nodes.map { node in
            var node = node
            node.notes.removeForeign()
            if !node.op.bodies.isEmpty { node.op = try node.op.changingBodies(in: self) { try $0.withoutNotes() } }
            return node
        }
        return try Graph(
            name: name, inputs: inputs, outputs: outputs, nodes: nodes, initializers: namedInitializers, updates: updates, captures: captures,
            metadata: metadata)
    }
}

extension Notes {
    private static let ownPrefix = "winnow."
    private var foreignKeys: [String] { properties.keys.filter { !$0.hasPrefix(Self.ownPrefix) } }

    fileprivate var foreignByteCount: Int {
        documentation.utf8.count + foreignKeys.reduce(0) { $0 + $1.utf8.count + (properties[$1]?.utf8.count ?? 0) }
    }

    fileprivate mutating func removeForeign() {
        documentation = ""
        for key in foreignKeys { properties[key] = nil }
    }
}
