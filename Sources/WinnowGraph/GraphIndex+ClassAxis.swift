package import WinnowTensor

extension GraphIndex {
    /// The axis along which the classes of an output lie, as the graph tells it: that of a closing Softmax or LogSoftmax, else the one that the last
    /// product with a weight makes, which is the last behind MatMul and axis 1 behind Conv. nil: nothing tells.
    ///
    /// - Parameter samples: the output's axis that counts samples.
    package func classAxis(of output: ValueName, samples: Int = 0) -> Int? {
        guard let extents = info(of: output)?.extents, extents.count > 1 else { return nil }
        let others = extents.indices.filter { $0 != samples }
        if others.count == 1 { return others[0] }
        let closed = (probabilities(of: output)?.axes).map { axes in axes.filter { $0 != samples } } ?? []
        let wide = closed.filter { extents[$0] != .fixed(1) }
        if wide.count == 1 || closed.count == 1 { return wide.first ?? closed[0] }
        return madeAxis(of: output, extents.indices.map { $0 == samples ? nil : $0 })
    }

    /// The axis that the last product with a weight makes; nil where none makes one alone.
    ///
    /// - Parameter axes: which axes are looked for.
    private func madeAxis(of output: ValueName, _ axes: [Int?]) -> Int? {
        let computed = valuesOfInputs
        // The nearest product comes first.
        var (open, next) = ([(value: output, axes: axes)], 0)
        var seen: Set<ValueName> = []
        while next < open.count {
            let (value, axes) = open[next]
            next += 1
            guard seen.insert(value).inserted, let node = producer(of: value), let step = AxisStep(node, value, computed, in: self) else { continue }
            let made = step.made.compactMap { $0 < axes.count ? axes[$0] : nil }
            if !made.isEmpty { return made.count == 1 ? made[0] : nil }
            for (input, sources) in step.inputs {
                let own = sources.map { $0.flatMap { $0 < axes.count ? axes[$0] : nil } }
                if own.contains(where: { $0 != nil }) { open.append((input, own)) }
            }
        }
        return nil
    }

    /// The values that depend on what the graph is given.
    private var valuesOfInputs: Set<ValueName> {
        var result = Set(graph.inputNames)
        for node in graph.nodes where node.readValues.contains(where: result.contains) { result.formUnion(node.outputs) }
        return result
    }
}

/// Where the axes of a value come from by the node that computes it.
private struct AxisStep {
    /// The axes of a product that its weights have and the data has not.
    let made: [Int]
    /// What of the data is read, with the axis of the value that each of its axes becomes.
    let inputs: [(value: ValueName, axes: [Int?])]

    /// nil where nothing is known of the axes.
    init?(_ node: Node, _ value: ValueName, _ computed: Set<ValueName>, in graph: GraphIndex) {
        let map = node.op.axes(for: node.inputs.map { graph.info(of: $0) })
        guard !map.isOpaque, let place = node.outputs.firstIndex(of: value), place < map.outputs.count, let rank = graph.info(of: value)?.rank,
            let terms = map.outputs[place].aligned(toRank: rank)
        else { return nil }
        let operands = Array(zip(node.inputs, map.inputs))
        let data = Set(operands.filter { computed.contains($0.0) }.flatMap { $0.1.flatMap(\.labels) })
        let weights = Set(operands.filter { !computed.contains($0.0) }.flatMap { $0.1.flatMap(\.labels) })
        let isProduct = !map.summedLabels.intersection(data).isDisjoint(with: weights)
        made = !isProduct ? [] : terms.indices.filter { !weights.subtracting(data).isDisjoint(with: terms[$0].labels) }
        inputs = operands.filter { computed.contains($0.0) }.compactMap { input, own in
            guard let rank = graph.info(of: input)?.rank, let own = own.aligned(toRank: rank) else { return nil }
            return (input, own.map { term in term.labels.isEmpty ? nil : terms.firstIndex(of: term) })
        }
    }
}

extension [Extent] {
    /// The axes of scores, samples first, without each of which they have the shape of class indices of one sample.
    package func classAxes(forClassesOf sample: Shape) -> [Int] {
        func axes(_ fits: ([Extent]) -> Bool) -> [Int] {
            indices.dropFirst().filter { axis in fits(indices.dropFirst().filter { $0 != axis }.map { self[$0] }) }
        }
        let alike = axes { $0.accept(sample) }
        // Places may be laid out as one axis.
        return alike.isEmpty ? axes { ValueType(.int64, $0).shape?.elementCount == sample.elementCount } : alike
    }

    /// Whether a sample of this shape fits, whatever axes of 1 it has or lacks.
    private func accept(_ sample: Shape) -> Bool {
        func fit(_ own: [Extent], _ other: [Int]) -> Bool { own.count == other.count && zip(own, other).allSatisfy { $0.value ?? $1 == $1 } }
        return fit(self, sample.extents) || fit(filter { $0 != .fixed(1) }, sample.extents.filter { $0 != 1 })
    }
}
