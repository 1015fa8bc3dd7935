import WinnowEngine
import WinnowGraph

/// A node that computes on data, and whose results it reads.
public struct NodeMeasurement: Codable, Hashable, Sendable {
    public var name: String
    /// `Conv`
    public var operatorName: String
    /// The names of the nodes that it follows; what only makes codes of floats or floats of codes is passed over.
    public var sources: [String]

    package init(name: String, operatorName: String, sources: [String]) {
        (self.name, self.operatorName, self.sources) = (name, operatorName, sources)
    }
}

extension NodeMeasurement {
    /// The nodes of a graph in its order but those on constants alone, and those between floats and codes.
    static func all(of index: GraphIndex, _ learned: Parameters) -> [NodeMeasurement] {
        func isShown(_ node: Node) -> Bool { !learned.constantNodes.contains(node.name) && !node.convertsCodes }
        func source(of value: ValueName) -> String? {
            guard let node = index.producer(of: value) else { return nil }
            return node.convertsCodes ? node.input(0).flatMap(source) : isShown(node) ? node.name : nil
        }
        return index.graph.nodes.filter(isShown).map { node in
            var seen: Set<String> = []
            let sources = node.readValues.compactMap(source).filter { seen.insert($0).inserted }
            return NodeMeasurement(name: node.name, operatorName: node.op.type.name, sources: sources)
        }
    }
}

/// Which nodes of two states of a graph are the same.
struct NodeAlignment {
    typealias Item = (name: String, operatorName: String)

    /// Places before and after, in the order of the nodes after, with what is gone where it stood.
    let pairs: [(before: Int?, after: Int?)]

    /// By place where all operators are the same, for names may have been made short; else by name, and between such by the order
    /// of operators.
    init(_ before: [Item], _ after: [Item]) {
        guard before.map(\.operatorName) != after.map(\.operatorName) else {
            pairs = before.indices.map { ($0, $0) }
            return
        }
        var partners = Self.namesakes(before, after)
        for gap in Self.gaps(before.count, after.count, partners).values {
            for (old, new) in Self.matches(gap.before, gap.after, before, after) { partners[old] = new }
        }
        let gone = Self.gaps(before.count, after.count, partners)
        let origins = Dictionary(partners.map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        pairs = (-1..<after.count).flatMap { place -> [(before: Int?, after: Int?)] in
            let own: [(before: Int?, after: Int?)] = place < 0 ? [] : [(origins[place], place)]
            return own + (gone[place]?.before ?? []).map { ($0, nil) }
        }
    }

    private static func namesakes(_ before: [Item], _ after: [Item]) -> [Int: Int] {
        let places = Dictionary(after.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        var taken: Set<Int> = []
        var partners: [Int: Int] = [:]
        for (place, item) in before.enumerated() {
            if let other = places[item.name], taken.insert(other).inserted { partners[place] = other }
        }
        return partners
    }

    /// What has no partner, by the place after of the last node before it that has one; -1: none has.
    private static func gaps(_ oldCount: Int, _ newCount: Int, _ partners: [Int: Int]) -> [Int: (before: [Int], after: [Int])] {
        var result: [Int: (before: [Int], after: [Int])] = [:]
        var last = -1
        for place in 0..<oldCount {
            if let partner = partners[place] { last = partner } else { result[last, default: ([], [])].before.append(place) }
        }
        let taken = Set(partners.values)
        last = -1
        for place in 0..<newCount {
            if taken.contains(place) { last = place } else { result[last, default: ([], [])].after.append(place) }
        }
        return result
    }

    /// More pairs of places in one gap are not compared: two graphs without a name in common.
    private static let pairLimit = 1 << 22

    private static func matches(_ old: [Int], _ new: [Int], _ before: [Item], _ after: [Item]) -> [(Int, Int)] {
        guard !old.isEmpty, !new.isEmpty, old.count * new.count <= pairLimit else { return [] }
        let difference = new.map { after[$0].operatorName }.difference(from: old.map { before[$0].operatorName })
        var (removed, inserted): (Set<Int>, Set<Int>) = ([], [])
        for change in difference {
            switch change {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, _, _): inserted.insert(offset)
            }
        }
        let kept = old.indices.filter { !removed.contains($0) }.map { old[$0] }
        return Array(zip(kept, new.indices.filter { !inserted.contains($0) }.map { new[$0] }))
    }
}
