extension Graph {
    /// The outputs that are numbers: all but texts, maps and the like, which nothing here computes; all where no other is there.
    package var computedOutputs: [ValueName] {
        let numbers = outputs.filter { infos[$0]?.type.foreign == nil }
        return numbers.isEmpty ? outputs : numbers
    }

    /// The graph with its computed outputs alone, to be run, judged and trained.
    package func givingComputedOutputs() throws -> Graph {
        let computed = computedOutputs
        guard computed.count < outputs.count else { return self }
        var edit = GraphEdit()
        edit.outputs = computed
        return try applying(edit).removingDeadNodes()
    }

    /// Which outputs are not computed, in words; nil where all are.
    package var omittedOutputs: String? {
        let computed = Set(computedOutputs)
        let others = outputs.filter { !computed.contains($0) }.map { "\($0) (\(infos[$0]?.type.description ?? "unknown"))" }
        guard !others.isEmpty else { return nil }
        return "\(others.count == 1 ? "output" : "outputs") \(others.joined(separator: ", ")) left out: only numbers are computed"
    }
}
