import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor

/// A graph whose codes become numbers, step by step, with what became of each.
struct CodeRemoval {
    var graph: Graph
    var findings: [Finding] = []
    /// The codes in the file of which an operator's parts have the initializer.
    var sources: [ValueName: ValueName] = [:]
    /// The bits of codes as they are in the file.
    private var widths: [ValueName: Int]
    private let taken: Set<ValueName>
    /// Why nodes stay, by their names, where that is known.
    private var refusals: [String: String] = [:]

    /// - Parameter taken: value names of the graphs around a body.
    init(_ graph: Graph, avoiding taken: Set<ValueName>) {
        (self.graph, self.taken) = (graph, taken)
        widths = graph.initializers.mapValues(\.elementType.bitWidth)
    }

    mutating func run(_ limits: Dequantization.Limits) throws {
        try unfoldOperators()
        try lookUpNumbers()
        var rounding = RoundingRemoval(graph, limits, names)
        graph = try rounding.apply()
        findings += rounding.findings
        refusals.merge(rounding.refusals) { first, _ in first }
        try storeNumbers()
        try nameNumbers()
        try forgetCodes()
        noteWhatStays()
    }

    var names: FreshNames { FreshNames(graph, avoiding: taken) }

    /// Operators on codes become their parts on numbers, with rounding between.
    private mutating func unfoldOperators() throws {
        for _ in 0..<64 {
            var (sources, widths, refusals) = (sources, widths, refusals)
            let edits = try graph.edits { op, node, index in
                guard let op = op as? any CodedOperator else { return nil }
                do {
                    guard var edit = try op.floatForm(of: node, in: index) else { return nil }
                    // All nodes' matrices at once are the model in floats.
                    edit.initializers = edit.initializers.map { ($0.name, $0.tensor.spilled()) }
                    Self.note(edit, of: node, in: index, &sources, &widths)
                    return edit
                } catch let error as WinnowError {
                    refusals[node.name] = "\(error)"
                    return nil
                }
            }
            (self.sources, self.widths, self.refusals) = (sources, widths, refusals)
            if edits.isEmpty { return }
            graph = try graph.applying(edits).removingDeadNodes()
        }
    }

    /// Notes which codes an operator's parts have.
    private static func note(
        _ edit: GraphEdit, of node: Node, in index: GraphIndex, _ sources: inout [ValueName: ValueName], _ widths: inout [ValueName: Int]
    ) {
        var places: Set<Int> = []
        for (place, role) in node.op.inputRoles {
            switch role {
            case .packed(let codes):
                guard let name = node.input(place) else { continue }
                places.insert(place)
                widths[name] = codes.bitWidth
                for (part, tensor) in edit.initializers where tensor.rank > 1 { sources[part] = sources[name] ?? name }
            case .zeroPoint(let data, _): places.insert(data)
            default: continue
            }
        }
        let codes = places.sorted().compactMap { node.input($0) }.filter { index.constant($0) != nil }
        let numbers = edit.initializers.filter { $0.tensor.elementType.isFloatingPoint && $0.tensor.rank > 1 }
        for ((part, _), name) in zip(numbers, codes) { sources[part] = sources[name] ?? name }
    }

    /// Rows that are looked up as codes are looked up as numbers.
    private mutating func lookUpNumbers() throws {
        let index = GraphIndex(graph)
        var (edit, names, tables) = (GraphEdit(), names, [ValueName: ValueName]())
        for node in graph.nodes {
            guard let (codes, encoded) = LookedUpRows.encoded(behind: node, in: index), let cast = index.producer(of: node.input(0)),
                let lookup = index.producer(of: cast.input(0)), let places = lookup.input(1)
            else { continue }
            let table = tables[codes] ?? names.value(Self.name(ofNumbersOf: codes))
            if tables.updateValue(table, forKey: codes) == nil {
                edit.initializers.append((table, encoded.decoded.spilled()))
                note(codes, as: table, .float32)
            }
            edit.removedNodes.insert(node.name)
            edit.addedNodes.append(Node(name: node.name, op: lookup.op, inputs: [table, places], outputs: node.outputs, notes: node.notes))
        }
        if !edit.addedNodes.isEmpty { graph = try graph.applying(edit).removingDeadNodes() }
    }

    /// Notes that codes of the file became numbers.
    mutating func note(_ codes: ValueName, as numbers: ValueName, _ type: ElementType) {
        let before = widths[codes].map(Double.init)
        findings.append(
            Finding(
                codes, .done, .elementSize, before: before, after: Double(type.bitWidth),
                reason: numbers == codes ? "" : "its numbers are in \(numbers)"))
    }

    /// A weight's name, where it is that of its codes without what was written behind.
    static func name(ofNumbersOf codes: ValueName) -> ValueName {
        let endings = [".codes", "_quantized", "_Q2", "_Q4", "_Q8"]
        guard let ending = endings.first(where: { codes.hasSuffix($0) && codes.count > $0.count }) else { return codes }
        return String(codes.dropLast(ending.count))
    }

    /// Numbers that operators kept as codes of their own get the name of those.
    private mutating func nameNumbers() throws {
        var (edit, names) = (GraphEdit(), names)
        for (part, codes) in sources.sorted(by: { $0.key < $1.key }) {
            guard let tensor = graph.initializers[part], tensor.elementType.isFloatingPoint, !graph.outputs.contains(part) else { continue }
            let name = names.value(Self.name(ofNumbersOf: codes))
            edit.initializers.append((name, tensor))
            edit.rewired[part] = name
            note(codes, as: name, tensor.elementType)
        }
        if !edit.rewired.isEmpty { graph = try graph.applying(edit) }
    }

    /// Takes away what the file says in words of codes: which layers stay float, how values were quantized.
    private mutating func forgetCodes() throws {
        let annotated = graph.metadata.valueNotes.filter { !$0.value.quantization.isEmpty }.keys.sorted()
        for name in annotated { graph.metadata.valueNotes[name]?.quantization = [:] }
        if !annotated.isEmpty {
            findings.append(Finding("graph", .done, reason: "notes of how \(annotated.count) values were quantized are gone"))
        }
        graph.metadata.valueNotes = graph.metadata.valueNotes.filter { !$0.value.isEmpty }
        guard !findings.isEmpty else { return }
        var edit = GraphEdit()
        for var node in graph.nodes where node.notes.staysFloat {
            node.notes.staysFloat = false
            edit.removedNodes.insert(node.name)
            edit.addedNodes.append(node)
        }
        graph = try graph.applying(edit)
    }
}

extension CodeRemoval {
    /// Tells why codes stay where they do.
    private mutating func noteWhatStays() {
        let index = GraphIndex(graph)
        for node in graph.nodes {
            if node.op is any CodedOperator {
                let reason = refusals[node.name] ?? "what it reads besides data, or what becomes of its sums, has no float form"
                findings.append(Finding(node.name, .skipped, reason: reason + codesAround(node)))
            } else if node.op is DequantizeLinear {
                findings.append(stays(node, node.input(0), in: index))
            } else if node.op is QuantizeLinear || node.op is DynamicQuantizeLinear {
                findings.append(stays(node, node.output(0), in: index))
            } else if node.op is UnknownOperator, let codes = node.inputs.first(where: { isCode($0, in: index) }) {
                findings.append(Finding(node.name, .skipped, reason: "\(node.op.type) reads \(codes), and no float form of it is known"))
            }
        }
    }

    /// Which codes a node reads of the graph around this one, a body: they change, or others read them too.
    private func codesAround(_ node: Node) -> String {
        let codes = node.inputs.first { graph.captures[$0].map { $0.isTensor && $0.elementType.isInteger && $0.elementType.bitWidth <= 8 } ?? false }
        return codes.map { "; \($0) belongs to the graph around, and not to this body alone" } ?? ""
    }

    private func isCode(_ value: ValueName, in index: GraphIndex) -> Bool {
        guard let type = index.info(of: value)?.elementType, type.isInteger, type.bitWidth <= 8, type != .bool else { return false }
        return index.producer(of: value)?.op is QuantizeLinear || index.constant(value).map { $0.rank > 1 } == true
    }

    private func stays(_ node: Node, _ codes: ValueName?, in index: GraphIndex) -> Finding {
        guard let codes else { return Finding(node.name, .skipped, reason: "its codes are missing") }
        if graph.inputs.contains(where: { $0.name == codes }) { return Finding(node.name, .kept, reason: "its codes are an input of the model") }
        if graph.outputs.contains(codes) { return Finding(node.name, .kept, reason: "its codes are an output of the model") }
        if graph.captures[codes] != nil {
            return Finding(node.name, .skipped, reason: "its codes belong to the graph around, and not to this body alone")
        }
        if let refusal = refusals[node.name] { return Finding(node.name, .skipped, reason: refusal) }
        let neighbours = node.op is DequantizeLinear ? [index.producer(of: codes)].compactMap { $0 } : index.consumers(of: codes)
        let others = neighbours.map { "\($0.name) (\($0.op.type))" }.joined(separator: ", ")
        let verb = node.op is DequantizeLinear ? "makes" : "reads"
        if !neighbours.isEmpty, neighbours.allSatisfy({ $0.op is any CodedOperator }) {
            return Finding(node.name, .skipped, reason: "\(others) \(verb) its codes, and stays")
        }
        let reason = others.isEmpty
            ? "the numbers of its codes cannot be computed here" : "\(others) \(verb) its codes, under another scale or as no numbers"
        return Finding(node.name, .skipped, reason: reason)
    }
}
