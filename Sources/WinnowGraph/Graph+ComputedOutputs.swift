import WinnowTensor

extension Graph {
    /// The outputs that are numbers: all but texts, maps and the like, which nothing here computes, and but those behind operators that are
    /// not known; all where no other is there.
    package var computedOutputs: [ValueName] {
        let numbers = outputs.filter { infos[$0]?.type.foreign == nil }
        let unknown = unknownValues
        let known = numbers.filter { !unknown.contains($0) }
        return !known.isEmpty ? known : !numbers.isEmpty ? numbers : outputs
    }

    /// What operators that are not known make, and all behind.
    private var unknownValues: Set<ValueName> {
        guard nodes.contains(where: { $0.op is UnknownOperator }) else { return [] }
        return nodes.reduce(into: []) { values, node in
            if node.op is UnknownOperator || node.readValues.contains(where: values.contains) { values.formUnion(node.outputs) }
        }
    }

    /// The output that labels and teachers judge where none is named: the first of floats, for classes that were chosen may stand before
    /// their scores; else the first.
    package var scoredOutput: ValueName? {
        let computed = computedOutputs
        return computed.first { infos[$0]?.elementType.isFloatingPoint ?? false } ?? computed.first
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
        let others = outputs.filter { !computed.contains($0) }
        guard !others.isEmpty else { return nil }
        let words = others.map { "\($0) (\(infos[$0]?.type.description ?? "unknown"))" }.joined(separator: ", ")
        let areNumbers = others.contains { infos[$0]?.type.foreign == nil }
        let reason = areNumbers ? "only what known operators make of numbers is computed" : "only numbers are computed"
        return "\(others.count == 1 ? "output" : "outputs") \(words) left out: \(reason)"
    }
}
