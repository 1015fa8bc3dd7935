import WinnowGraph
import WinnowOperators

/// Means over channels: a normalization may take them over the channels that are left, as they say only where and how wide those
/// channels lie. What a mean tells anything else must not change: it is a sum, divided by the number of channels that there were.
extension CouplingGroups {
    /// Makes sums of means that do more than shift or scale these channels themselves; protects channels of other statistics.
    mutating func protectStatistics(in index: GraphIndex) {
        let bound = Dictionary(nodes.map { ($0.node.name, $0) }, uniquingKeysWith: { first, _ in first })
        for (position, node) in nodes.enumerated() {
            for label in node.map.population.subtracting(node.map.outputLabels).sorted() {
                guard let id = node.labels[label], classes.extent(of: id) != 1 else { continue }
                let isNormalizing = node.node.outputs.allSatisfy { $0.isEmpty || returns($0, to: id, index, bound) }
                guard !isNormalizing else { continue }
                if node.node.op is ReduceMean, classes.extent(of: id) != nil {
                    nodes[position].map.population.remove(label)
                    nodes[position].averages.insert(label)
                    continue
                }
                let reason = Self.wholeReason(node.node)
                soundReasons.insert(reason)
                classes.protect(id, reason)
            }
        }
    }

    /// Whether a value that does not have a class meets, index by index, nothing but values that have it.
    private func returns(_ value: ValueName, to id: Int, _ index: GraphIndex, _ bound: [String: BoundNode]) -> Bool {
        // All values so many nodes on at once: where branches meet again, one is followed.
        var values: Set<ValueName> = [value]
        for _ in 0..<16 where !values.isEmpty {
            var next: Set<ValueName> = []
            for value in values {
                guard !index.isOutput(value) else { return false }
                for reader in index.consumers(of: value) {
                    guard let node = bound[reader.name],
                        Self.condenses(node.node) || node.map.summedLabels.isEmpty && node.map.population.isEmpty
                    else { return false }
                    next.formUnion(reader.outputs.filter { !$0.isEmpty && !has($0, id) })
                }
            }
            values = next
        }
        return values.isEmpty
    }

    /// Whether a node takes statistics over more axes: a mean of means is the mean over the axes of both.
    private static func condenses(_ node: Node) -> Bool { node.op is ReduceMean || node.op is ReduceSum }

    /// Whether a class is one of a value's axes.
    private func has(_ value: ValueName, _ id: Int) -> Bool {
        let root = classes.root(of: id)
        return (infos[value]?.extents ?? []).indices.contains { axis in
            classID(of: value, axis: axis).map { classes.root(of: $0) } == root
        }
    }
}
