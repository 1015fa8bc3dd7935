import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor

extension QuantizationPairs {
    /// The pairs with ranges of activations that follow the batches from where calibration left them.
    mutating func moveRanges() throws {
        var (edit, names) = (GraphEdit(), FreshNames(graph))
        for node in graph.nodes {
            guard node.op is QuantizeLinear, let value = node.input(0), let scale = node.input(1), let zeroPoint = node.input(2),
                let range = averages[scale], let type = graph.initializers[zeroPoint]?.elementType,
                // Values that share a scale have the range of the first.
                edit.rewired[scale] == nil
            else { continue }
            let ends = ["low", "high"].map { names.value("\(value).range.\($0)") }
            edit.initializers += [(ends[0], Tensor(scalar: range.bounds.lowerBound)), (ends[1], Tensor(scalar: range.bounds.upperBound))]
            let outputs = [names.value("\(value).range.scale"), names.value("\(value).range.zero_point")]
            edit.addedNodes.append(
                Node(name: names.node("\(value).range"), op: MovingRange(range.encoding, type), inputs: [value] + ends, outputs: outputs))
            (edit.rewired[scale], edit.rewired[zeroPoint]) = (outputs[0], outputs[1])
        }
        graph = try graph.applying(edit)
    }
}

extension Graph {
    /// The graph with ranges that moved as constants, named after their values.
    func settlingRanges() throws -> Graph {
        var (edit, names) = (GraphEdit(), FreshNames(self))
        for node in nodes {
            guard let op = node.op as? MovingRange, let value = node.input(0), let scale = node.output(0), let zeroPoint = node.output(1),
                let low = node.input(1).flatMap({ initializers[$0] })?.floats().first,
                let high = node.input(2).flatMap({ initializers[$0] })?.floats().first
            else { continue }
            let found = op.encoding(low...max(low, high))
            let settled = [names.value("\(value).scale"), names.value("\(value).zero_point")]
            edit.initializers += [
                (settled[0], Tensor(scalar: found.scale)), (settled[1], Tensor([Double(found.zeroPoint)], shape: [], as: op.codeType)),
            ]
            edit.removedNodes.insert(node.name)
            (edit.rewired[scale], edit.rewired[zeroPoint]) = (settled[0], settled[1])
        }
        return edit.removedNodes.isEmpty ? self : try applying(edit)
    }
}
