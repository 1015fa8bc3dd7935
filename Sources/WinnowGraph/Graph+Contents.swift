package import WinnowTensor

extension Graph {
    /// Whether another graph has the same nodes and numbers, whatever the two files say of themselves beside them.
    package func hasContents(of other: Graph) -> Bool {
        let hashes = [self, other].map { graph in
            var (bare, hash) = (graph, ContentHash())
            bare.metadata = GraphMetadata()
            hash.add(bare)
            return hash
        }
        return hashes[0] == hashes[1]
    }
}

extension ContentHash {
    /// Adds all that a file of the graph holds: structure, contents of initializers, attributes and bodies, and what it says in words.
    package mutating func add(_ graph: Graph) {
        add(graph.text)
        for input in graph.inputs { if let value = input.defaultValue { add(value) } }
        for (_, tensor) in graph.namedInitializers { add(tensor) }
        for (name, type) in graph.captures.sorted(by: { $0.key < $1.key }) { add("\(name) \(type)") }
        for node in graph.nodes {
            for name in node.op.attributes.names { if let value = node.op.attributes[name] { add(value) } }
            add(node.notes)
        }
        add(graph.metadata)
    }

    /// Adds what the text of an attribute leaves out.
    private mutating func add(_ attribute: Attribute) {
        switch attribute {
        case .tensor(let tensor): add(tensor)
        case .graph(let body): add(body)
        case .graphs(let bodies): for body in bodies { add(body) }
        case .encoded(let bytes): bytes.withUnsafeBytes { add($0) }
        case .int, .float, .string, .ints, .floats, .strings, .type: break
        }
    }

    private mutating func add(_ metadata: GraphMetadata) {
        add("\(metadata.irVersion) \(metadata.modelVersion)")
        for text in [metadata.producerName, metadata.producerVersion, metadata.domain, metadata.documentation] { add(text) }
        add(metadata.opsets)
        add(metadata.properties)
        add(metadata.outputTypes)
        for name in metadata.declaredValues.sorted() { add(name) }
        add(metadata.graphNotes)
        for (name, notes) in metadata.valueNotes.sorted(by: { $0.key < $1.key }) {
            add("\(name) \(notes.denotation)")
            add(notes.notes)
            add(notes.tensor)
            add(notes.axisDenotations)
            add(notes.quantization)
        }
    }

    private mutating func add(_ notes: Notes) {
        add(notes.documentation)
        add(notes.properties)
    }

    private mutating func add<Key: Comparable>(_ table: [Key: some Any]) {
        for (key, value) in table.sorted(by: { $0.key < $1.key }) { add("\(key): \(value)") }
    }
}
