import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor

/// What is learned of how activations become codes.
public enum ActivationLearning: String, HyperparameterChoice, Codable {
    /// Steps (LSQ; Esser et al. 2020).
    case steps
    /// Steps and offsets, ∂x̂/∂β = 1 for what is clamped (LSQ+; Bhalgat et al. 2020).
    case offsets
    /// The ends of ranges, moved by what is cut off at them and drawn to 0 by weight decay (PACT; Choi et al. 2018).
    case clipping
}

extension QuantizationPairs {
    /// The pairs with zero points that follow learned offsets, which begin at the calibrated ones. Returns the offsets by the names of
    /// their scales.
    mutating func learnOffsets() throws -> [ValueName: ValueName] {
        var (edit, names, offsets) = (GraphEdit(), FreshNames(graph), [ValueName: ValueName]())
        for (scale, zeroPoint, value, known) in encodings {
            let parameters = known.parameters
            let offset = names.value("\(value).offset")
            edit.initializers.append((offset, Tensor(scalar: -parameters.scales[0] * Float(parameters.zeroPoints[0]))))
            let followed = names.value("\(value).offset.zero_point")
            let op = LearnedOffset(parameters.elementType)
            edit.addedNodes.append(Node(name: names.node("\(value).offset"), op: op, inputs: [scale, offset], outputs: [followed]))
            edit.rewired[zeroPoint] = followed
            offsets[scale] = offset
        }
        graph = try graph.applying(edit)
        return offsets
    }

    /// The pairs with scales and zero points that follow learned ends of ranges, which begin at the calibrated ones. Returns the ends;
    /// one that is 0 stays so, as behind a Relu.
    mutating func learnRanges() throws -> [ValueName] {
        var (edit, names, ends) = (GraphEdit(), FreshNames(graph), [ValueName]())
        for (scale, zeroPoint, value, known) in encodings {
            let (parameters, encoding) = known
            let bounds = [parameters.codes.lowerBound, parameters.codes.upperBound].map { code in
                Float(code - parameters.zeroPoints[0]) * parameters.scales[0]
            }
            let own = ["low", "high"].map { names.value("\(value).range.\($0)") }
            edit.initializers += zip(own, bounds).map { ($0, Tensor(scalar: $1)) }
            ends += zip(own, bounds).compactMap { $1 == 0 ? nil : $0 }
            var op = MovingRange(encoding, parameters.elementType)
            op.isLearned = true
            let outputs = [names.value("\(value).range.scale"), names.value("\(value).range.zero_point")]
            edit.addedNodes.append(Node(name: names.node("\(value).range"), op: op, inputs: [value] + own, outputs: outputs))
            (edit.rewired[scale], edit.rewired[zeroPoint]) = (outputs[0], outputs[1])
        }
        graph = try graph.applying(edit)
        return ends
    }

    /// The scale and zero point of each activation, with the first value that has them.
    private var encodings: [(
        scale: ValueName, zeroPoint: ValueName, value: ValueName, known: (parameters: QuantizationParameters, encoding: RangeEncoding)
    )] {
        var seen: Set<ValueName> = []
        return graph.nodes.compactMap { node in
            guard node.op is QuantizeLinear, let value = node.input(0), let scale = node.input(1), let zeroPoint = node.input(2),
                let known = activations[scale], seen.insert(scale).inserted
            else { return nil }
            return (scale, zeroPoint, value, known)
        }
    }
}

extension QuantizationPairs {
    /// The pairs with powers of two that follow learned steps of these names.
    mutating func roundStepsToPowers(_ scales: [ValueName]) throws {
        var (edit, names) = (GraphEdit(), FreshNames(graph))
        for scale in Set(scales).sorted() where graph.initializers[scale] != nil {
            let power = names.value("\(scale).power")
            edit.addedNodes.append(Node(name: names.node("\(scale).power"), op: PowerOfTwoScale(), inputs: [scale], outputs: [power]))
            edit.rewired[scale] = power
        }
        graph = try graph.applying(edit)
    }
}

extension Graph {
    /// The graph with powers of two that followed steps as constants, named as those were.
    func settlingPowers() throws -> Graph {
        var edit = GraphEdit()
        for node in nodes where node.op is PowerOfTwoScale {
            guard let scale = node.input(0), let power = node.output(0), let steps = initializers[scale] else { continue }
            edit.initializers.append((scale, Tensor(steps.floats().map(\.nextPowerOfTwo), shape: steps.shape)))
            edit.removedNodes.insert(node.name)
            edit.rewired[power] = scale
        }
        return edit.removedNodes.isEmpty ? self : try applying(edit)
    }

    /// The graph with zero points that followed offsets as constants.
    func settlingOffsets() throws -> Graph {
        var (edit, names) = (GraphEdit(), FreshNames(self))
        for node in nodes {
            guard let op = node.op as? LearnedOffset, let followed = node.output(0),
                let scale = node.input(0).flatMap({ initializers[$0] })?.floats().first,
                let offset = node.input(1).flatMap({ initializers[$0] })?.floats().first
            else { continue }
            let settled = names.value("\(node.name).settled")
            edit.initializers.append((settled, Tensor([Double(op.zeroPoint(scale: scale, offset: offset))], shape: [], as: op.codeType)))
            edit.removedNodes.insert(node.name)
            edit.rewired[followed] = settled
        }
        return edit.removedNodes.isEmpty ? self : try applying(edit)
    }
}
