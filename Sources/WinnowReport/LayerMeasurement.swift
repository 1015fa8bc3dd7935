package import WinnowGraph
import WinnowTensor

/// A node with weights, and what it costs.
public struct LayerMeasurement: Codable, Hashable, Sendable {
    public var name: String
    /// `Conv`
    public var operatorName: String
    /// All constants that it alone reads, or reads first: codes, scales, biases.
    public var byteCount: Int
    /// Of one sample; nil where they depend on extents that are open.
    public var multiplyAccumulates: Int?
}

extension [LayerMeasurement] {
    /// The layers of a graph in its order; `products` are multiply–accumulates by node.
    package init(_ graph: Graph, _ learned: Parameters, products: [String: Int?]) {
        var counted: Set<ValueName> = []
        self = graph.nodes.compactMap { node in
            guard !learned.constantNodes.contains(node.name), learned.entries(of: node).contains(where: { $0.rank >= 2 }) else { return nil }
            let own = node.inputs.flatMap { learned.origins[$0] ?? [] }.filter { counted.insert($0).inserted }
            return LayerMeasurement(
                name: node.name, operatorName: node.op.type.name, byteCount: own.reduce(0) { $0 + (graph.initializers[$1]?.byteCount ?? 0) },
                multiplyAccumulates: products[node.name] ?? nil)
        }
    }
}

extension Report {
    /// Bytes and multiply–accumulates of every layer before and after.
    var layerSection: String {
        guard let before = models.first?.layers, let after = models.last?.layers, models.count > 1, !before.isEmpty else { return "" }
        let pairs = Self.pairs(before, after)
        let mostBytes = pairs.flatMap { [$0?.byteCount, $1?.byteCount] }.compactMap { $0 }.max() ?? 0
        let mostProducts = pairs.flatMap { [$0?.multiplyAccumulates, $1?.multiplyAccumulates] }.compactMap { $0 }.max() ?? 0
        func cell(_ count: Int?, of most: Int) -> Cell {
            count.map { Cell(Format.count($0), Double($0), bar: most > 0 ? Double($0) / Double(most) : nil) } ?? "–"
        }
        let rows = pairs.map { a, b in
            [Cell((a ?? b)?.name ?? ""), Cell((b ?? a)?.operatorName ?? ""), cell(a?.byteCount, of: mostBytes), cell(b?.byteCount, of: mostBytes),
             cell(a?.multiplyAccumulates, of: mostProducts), cell(b?.multiplyAccumulates, of: mostProducts)]
        }
        return HTML.table(
            "Layers before and after", ["layer", "operator", "bytes before", "bytes after", "MACs before", "MACs after"], rows, numbers: [2, 3, 4, 5])
            + operatorTable
    }

    /// Layers beside what became of them: by place where operators are the same, for names may have been made short, else by name.
    private static func pairs(_ before: [LayerMeasurement], _ after: [LayerMeasurement]) -> [(LayerMeasurement?, LayerMeasurement?)] {
        if before.map(\.operatorName) == after.map(\.operatorName) { return zip(before, after).map { ($0, $1) } }
        let found = Dictionary(after.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let names = Set(before.map(\.name))
        return before.map { ($0, found[$0.name]) } + after.filter { !names.contains($0.name) }.map { (nil, $0) }
    }

    /// How many nodes of every operator came and went.
    private var operatorTable: String {
        guard let before = models.first?.operators, let after = models.last?.operators else { return "" }
        let names = Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }.sorted()
        guard !names.isEmpty else { return "" }
        let rows = names.map { name in [name] + [before[name] ?? 0, after[name] ?? 0].map(String.init) }
        return "<h3>What changed in the graph</h3>" + HTML.table("Nodes by operator", ["operator", "nodes before", "nodes after"], rows)
    }
}
