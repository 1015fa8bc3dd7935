package import WinnowGraph

extension Graph {
    /// The graph with Split in place of SplitToSequence where every part is read by a place that is known, as exporters write chunks:
    /// what is known of the parts is then known of their readers. Split reads its sizes from operator set 13 on.
    package func takingKnownLists() throws -> Graph {
        let index = GraphIndex(self)
        var (edits, lists): ([GraphEdit], [Node]) = ([], [])
        for node in nodes where metadata.version(of: "") >= 13 && node.op is SplitToSequence {
            guard let list = node.output(0), !index.isOutput(list), index.areTakenByKnownPlaces(list),
                let edit = try? node.op.lowering(of: node, in: index)
            else { continue }
            edits.append(edit)
            lists.append(node)
        }
        guard !edits.isEmpty else { return self }
        let split = try applying(edits)
        let members = GraphIndex(split)
        let taken = try lists.flatMap { index.consumers(of: $0.output(0)) }.map { try $0.op.lowering(of: $0, in: members) }
        // A place that no list has is told of when the model runs.
        let known = taken.compactMap { $0 }
        guard known.count == taken.count else { return self }
        // The parts of one list may make another.
        return try split.applying(known + [GraphEdit(replacing: lists.map(\.name), with: [])]).takingKnownLists()
    }
}

extension GraphIndex {
    fileprivate func areTakenByKnownPlaces(_ list: ValueName) -> Bool {
        let readers = consumers(of: list)
        return !readers.isEmpty && readers.allSatisfy { $0.op is SequenceAt && info(of: $0.input(1))?.integers != nil }
    }
}
