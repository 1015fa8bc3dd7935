import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Values that are laid out flat and picked up again in the order in which they lie, by indices computed from extents: what exporters
/// make of strides. That is a Reshape, and tells which axis is which.
extension Graph {
    /// The graph with Reshape in place of such Gathers.
    func reshapingWholeGathers() throws -> Graph {
        var candidates = nodes.filter { node in
            guard let gather = node.op as? Gather, gather.axis == 0, infos[node.inputs[0]]?.rank == 1,
                let indices = infos[node.inputs[1]], indices.constant == nil,
                let extents = node.output(0).flatMap({ infos[$0]?.extents })
            else { return false }
            return extents.count { $0.value == nil } <= 1
        }
        // Sums of products that agree for three numbers of each extent agree for all; of anything stranger this is a sample.
        for primes in [[2, 3, 5, 7], [3, 5, 7, 11], [17, 19, 23, 29]] where !candidates.isEmpty {
            guard let bound = try? binding(primes).settlingKnownExtents() else { return self }
            candidates = candidates.filter { bound.readsAllInOrder($0) }
        }
        var (edit, names) = (GraphEdit(), FreshNames(self))
        for node in candidates {
            let extents = node.output(0).flatMap { infos[$0]?.extents } ?? []
            let target = names.value("\(node.name).target")
            edit.initializers.append((target, Tensor(extents.map { Int64($0.value ?? -1) })))
            edit.removedNodes.insert(node.name)
            edit.addedNodes.append(Node(name: node.name, op: Reshape(), inputs: [node.inputs[0], target], outputs: node.outputs))
        }
        return candidates.isEmpty ? self : try applying(edit).removingDeadNodes()
    }

    private func readsAllInOrder(_ node: Node) -> Bool {
        guard let count = infos[node.inputs[0]]?.shape?.elementCount, let indices = constantValue(of: node.inputs[1])?.integers() else {
            return false
        }
        return indices.count == count && indices.enumerated().allSatisfy { $0.offset == $0.element }
    }

    /// The graph with numbers for the open extents of its inputs, the same for the same symbol.
    private func binding(_ numbers: [Int]) throws -> Graph {
        var (edit, known) = (GraphEdit(), [Extent: Int]())
        for input in inputs {
            var type = input.type
            type.extents = type.extents?.map { extent in
                guard extent.value == nil else { return extent }
                let number = extent == .unknown ? nil : known[extent]
                let chosen = number ?? numbers[known.count % numbers.count]
                known[extent] = chosen
                return .fixed(chosen)
            }
            if type != input.type { edit.inputTypes[input.name] = type }
        }
        return try applying(edit)
    }
}
