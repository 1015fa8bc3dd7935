/// What became of every node of a graph, in order.
struct GraphComparison {
    enum Change: Hashable {
        case removed, added
        case operators(String, String)
        /// A layer became several, between which lie so many channels.
        case factors([Int])
        case outputs(Int, Int)
        case inputs(Int, Int)
        case type(String, String)
        case integers
        case zeros(Double, Double)
    }

    struct Row {
        var name: String
        var operatorName: String
        var changes: [Change] = []
        var before: LayerMeasurement?
        /// Several where a layer was split in factors, in the order of data.
        var after: [LayerMeasurement] = []
        var sources: [String] = []
        /// 0 for the main branch, more for those beside it.
        var lane = 0

        /// What happened to it alone; other changes many nodes have in common.
        var isParticular: Bool {
            changes.contains { change in
                switch change {
                case .operators, .factors, .outputs, .inputs: true
                case .removed: before != nil
                case .added: !after.isEmpty
                case .type, .integers, .zeros: false
                }
            }
        }
    }

    private(set) var rows: [Row]

    /// nil for models of former reports, which have no nodes.
    init?(_ first: ModelMeasurement, _ last: ModelMeasurement) {
        guard let before = first.nodes, let after = last.nodes else { return nil }
        let (old, new) = (Self.byName(first.layers), Self.byName(last.layers))
        let alignment = NodeAlignment(before.map { ($0.name, $0.operatorName) }, after.map { ($0.name, $0.operatorName) })
        let added = Set(alignment.pairs.filter { $0.before == nil }.compactMap { $0.after.map { after[$0].name } })
        let nodes = Dictionary(after.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        var swallowed: Set<String> = []
        rows = alignment.pairs.map { pair in
            guard let place = pair.after else {
                let node = before[pair.before ?? 0]
                return Row(name: node.name, operatorName: node.operatorName, changes: [.removed], before: old[node.name])
            }
            let (node, origin) = (after[place], pair.before.map { before[$0] })
            var row = Row(name: node.name, operatorName: node.operatorName, before: origin.flatMap { old[$0.name] }, sources: node.sources)
            row.after = new[node.name].map { [$0] } ?? []
            guard let origin else { row.changes = [.added]; return row }
            // Layers that came before one which now reads other channels are its factors.
            while let layer = row.after.first, let given = row.before?.inputCount, layer.inputCount != given, let source = nodes[layer.name]?.sources.first,
                added.contains(source), let factor = new[source], factor.operatorName == layer.operatorName, swallowed.insert(source).inserted
            {
                row.after.insert(factor, at: 0)
            }
            row.sources = row.after.first.flatMap { nodes[$0.name]?.sources } ?? row.sources
            row.changes = Self.changes(from: origin, row.before, to: node, row.after)
            return row
        }
        rows.removeAll { swallowed.contains($0.name) && $0.changes == [.added] }
        findLanes()
    }

    private static func byName(_ layers: [LayerMeasurement]?) -> [String: LayerMeasurement] {
        Dictionary((layers ?? []).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Zeros that come and go without a pass's doing: codes of few bits have many.
    private static func noise(ofCodes areNew: Bool) -> Double { areNew ? 0.25 : 0.01 }

    private static func changes(
        from origin: NodeMeasurement, _ before: LayerMeasurement?, to node: NodeMeasurement, _ after: [LayerMeasurement]
    ) -> [Change] {
        var changes: [Change] = []
        if origin.operatorName != node.operatorName { changes.append(.operators(origin.operatorName, node.operatorName)) }
        guard let before, let first = after.first, let last = after.last else { return changes }
        if after.count > 1 { changes.append(.factors(after.dropLast().compactMap(\.outputCount))) }
        if let a = before.outputCount, let b = last.outputCount, a != b { changes.append(.outputs(a, b)) }
        if let a = before.inputCount, let b = first.inputCount, a != b { changes.append(.inputs(a, b)) }
        if let a = before.weightType, let b = last.weightType, a != b { changes.append(.type(a, b)) }
        if before.computesWithIntegers == false, last.computesWithIntegers == true { changes.append(.integers) }
        if let a = before.sparsity, let b = last.sparsity, abs(a - b) > noise(ofCodes: before.weightType != last.weightType) { changes.append(.zeros(a, b)) }
        return changes
    }

    /// A node goes on in the lane of one that it follows, unless another has.
    private mutating func findLanes() {
        var readers: [String: Int] = [:]
        for source in rows.flatMap(\.sources) { readers[source, default: 0] += 1 }
        var lanes: [String?] = []
        for place in rows.indices {
            guard rows[place].changes != [.removed] else { rows[place].lane = place > 0 ? rows[place - 1].lane : 0; continue }
            let sources = rows[place].sources
            for source in sources { readers[source, default: 1] -= 1 }
            let own = lanes.firstIndex { $0.map(sources.contains) ?? false } ?? lanes.firstIndex { $0 == nil } ?? lanes.count
            if own == lanes.count { lanes.append(nil) }
            // What nobody reads any more makes room.
            for lane in lanes.indices { if let end = lanes[lane], sources.contains(end), readers[end] == 0 { lanes[lane] = nil } }
            lanes[own] = (readers[rows[place].name] ?? 0) > 0 ? rows[place].name : nil
            rows[place].lane = own
        }
    }
}

extension GraphComparison.Change {
    var text: String {
        switch self {
        case .removed: "removed"
        case .added: "added"
        case .operators(let a, let b): "\(a) → \(b)"
        case .factors(let ranks): "\(ranks.count + 1) factors of rank \(ranks.map(Format.count).joined(separator: ", "))"
        case .outputs(let a, let b): "outputs \(Format.count(a)) → \(Format.count(b))"
        case .inputs(let a, let b): "inputs \(Format.count(a)) → \(Format.count(b))"
        case .type(let a, let b): "\(a) → \(b)"
        case .integers: "computes with integers"
        case .zeros(let a, let b): a <= 0 ? "\(Format.percent(b, 1)) zero" : "\(Format.percent(a, 1)) → \(Format.percent(b, 1)) zero"
        }
    }

    /// Said of several nodes of different numbers.
    fileprivate var commonText: String {
        if case .zeros(let a, let b) = self { return b > a ? "sparser" : "denser" }
        return text
    }
}

extension GraphComparison.Row {
    /// As one of several.
    fileprivate var commonText: String {
        switch changes.first {
        case nil: "unchanged"
        case .removed?, .added?: "\(operatorName) \(changes[0].text)"
        default: changes.map(\.commonText).joined(separator: ", ")
        }
    }
}

extension GraphComparison {
    /// `3 nodes: 2 BatchNormalization removed; 1 unchanged`, what is commonest first, the unchanged last.
    static func summary(of rows: some Collection<Row>) -> String {
        var counts: [String: Int] = [:]
        for row in rows { counts[row.commonText, default: 0] += 1 }
        let unchanged = counts.removeValue(forKey: "unchanged")
        if let unchanged, counts.isEmpty { return "\(unchanged) unchanged nodes" }
        let parts = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.value) \($0.key)" }
        return "\(rows.count) nodes: \((parts + (unchanged.map { ["\($0) unchanged"] } ?? [])).joined(separator: "; "))"
    }

    /// Rows that are to be seen each by itself, and between them runs of others that may be folded: three or more.
    var parts: [ArraySlice<Row>] {
        var parts: [ArraySlice<Row>] = []
        var start = 0
        for place in rows.indices where rows[place].isParticular {
            parts += Self.run(rows[start..<place]) + [rows[place...place]]
            start = place + 1
        }
        return parts + Self.run(rows[start...])
    }

    private static func run(_ rows: ArraySlice<Row>) -> [ArraySlice<Row>] {
        rows.count >= 3 ? [rows] : rows.indices.map { rows[$0...$0] }
    }
}
