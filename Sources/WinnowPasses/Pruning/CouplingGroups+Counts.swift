import WinnowGraph
import WinnowTensor

/// Shape arithmetic: extents that a graph reads, carries along in integer lists and shapes values with.
///
/// An extent is named after its class and followed by the operators' own inference. Where a list shapes a value, the axis it
/// counts and the axis it was read from are one class. A number that is computed with must not change.
extension CouplingGroups {
    /// Follows the lists that a node reads and makes.
    mutating func count(_ bound: inout BoundNode, _ why: String) {
        for (position, terms) in bound.map.outputCounts.sorted(by: { $0.key < $1.key }) {
            guard let name = bound.node.output(position) else { continue }
            let elements = terms.map { term in id(of: term, bound.labels, why).map { Self.name(of: $0) } ?? .unknown }
            lists[name] = ValueInfo(ValueType(.int64, Shape([elements.count])), symbolicElements: elements)
        }
        for (position, terms) in bound.map.inputCounts.sorted(by: { $0.key < $1.key }) {
            guard let name = bound.node.input(position) else { continue }
            bound.counts[position] = match(terms, with: lists[name] ?? infos[name], bound)
        }
        let moved = bound.node.inputs.indices.filter { bound.map.inputCounts[$0] == nil && lists[bound.node.inputs[$0]] != nil }
        guard !moved.isEmpty, !follow(bound) else { return }
        protectCounted(by: moved.map { bound.node.inputs[$0] }, "\(bound.node.name) (\(bound.node.op.type)) computes with its number")
    }

    /// Unites the axes that the elements of a list count with those they were read from; gives the class of each element.
    private mutating func match(_ terms: [AxisTerm], with list: ValueInfo?, _ bound: BoundNode) -> [Int?] {
        let elements = list?.countedExtents
        let why = "\(bound.node.name) (\(bound.node.op.type)) is told its number by what is computed"
        return terms.enumerated().map { position, term in
            guard let id = id(of: term, bound.labels, why) else { return nil }
            switch elements.flatMap({ $0.count == terms.count ? $0[position] : nil }) {
            case .symbol(let name):
                if let counted = Self.classID(named: name) { classes.unite(id, counted) } else { classes.protect(id, why) }
            case .fixed: break
            case .unknown, nil: classes.protect(id, why)
            }
            return id
        }
    }

    /// Infers what a node makes of lists; false where an element is not known.
    private mutating func follow(_ bound: BoundNode) -> Bool {
        let inputs = bound.node.inputs.map { $0.isEmpty ? nil : lists[$0] ?? infos[$0] }
        guard let results = try? bound.node.op.checkedOutputs(for: inputs) else { return false }
        var isKnown = true
        for (position, name) in bound.node.outputs.enumerated() where !name.isEmpty {
            guard position < results.count else { return false }
            if results[position].constant != nil { continue }
            if let elements = results[position].symbolicElements, !elements.contains(.unknown) {
                lists[name] = results[position]
            } else {
                isKnown = false
            }
        }
        return isKnown
    }

    /// Protects the axes whose extents these lists hold.
    mutating func protectCounted(by values: [ValueName], _ reason: String) {
        for case .symbol(let name) in values.flatMap({ lists[$0]?.symbolicElements ?? [] }) {
            if let id = Self.classID(named: name) { classes.protect(id, reason) }
        }
    }

    /// The name of a class's extent: none that a file's symbol could have.
    private static func name(of id: Int) -> Extent { .nameless("\(id)") }

    private static func classID(named name: String) -> Int? { name.first == "\u{0}" ? Int(name.dropFirst()) : nil }
}
