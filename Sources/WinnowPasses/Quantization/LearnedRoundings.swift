import WinnowEngine
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor

/// How trained weights become codes.
public enum TrainedRounding: String, HyperparameterChoice, Codable {
    /// Weights are trained, and each becomes the nearest code.
    case nearest
    /// Weights stay, and each learns whether the code below or that above is its own (AdaRound; Nagel et al. 2020, on the loss of the
    /// whole network).
    case learned
}

extension QuantizationPairs {
    /// The pairs with weights whose rounding is learned, nearest codes at first.
    mutating func learnRoundings() throws {
        let (index, known) = (GraphIndex(graph), Dictionary(weightScales.map { ($0.name, $0.parameters) }, uniquingKeysWith: { first, _ in first }))
        var (edit, names) = (GraphEdit(), FreshNames(graph))
        for node in graph.nodes where node.op is DequantizeLinear {
            guard let scale = node.input(1), let parameters = known[scale], let quantize = index.producer(of: node.input(0)),
                quantize.op is QuantizeLinear, let weight = quantize.input(0), let tensor = graph.constantValue(of: weight)
            else { continue }
            let values = tensor.floats()
            let scales = parameters.scaleIndices(of: Array(values.indices), in: tensor.shape).map { parameters.scales[$0] }
            let starts = zip(values, scales).map { SoftRounding.start($0 / $1) }
            let learned = names.value("\(weight).rounding")
            edit.initializers.append((learned, Tensor(SoftRounding.logits(of: starts), shape: tensor.shape).spilled()))
            edit.removedNodes.insert(node.name)
            edit.addedNodes.append(
                Node(
                    name: node.name, op: LearnedRounding(parameters.codes, parameters.elementType, axis: parameters.axis),
                    inputs: [weight, scale, learned], outputs: node.outputs))
        }
        graph = try graph.applying(edit).removingDeadNodes()
    }
}

extension Graph {
    /// The nodes that round weights as is learned, with what they learn.
    var learnedRoundings: [(node: Node, learned: ValueName)] {
        nodes.compactMap { node in node.op is LearnedRounding ? node.input(2).map { (node, $0) } : nil }
    }

    /// The graph with weights on the codes that were learned, behind pairs of QuantizeLinear and DequantizeLinear.
    func settlingRoundings() throws -> Graph {
        let index = GraphIndex(self)
        var (edit, names) = (GraphEdit(), FreshNames(self))
        for (node, learned) in learnedRoundings {
            guard let op = node.op as? LearnedRounding, let weight = node.input(0), let scale = node.input(1),
                let steps = initializers[scale], let own = initializers[learned], let tensor = constantValue(of: weight)
            else { continue }
            let isAlone = initializers[weight] != nil && index.soleConsumer(of: weight) != nil
            let source = isAlone ? weight : names.value("\(weight).rounded")
            let (zeroPoint, codes) = (names.value("\(weight).zero_point"), names.value("\(weight).quantized"))
            edit.initializers += [
                (source, op.rounded(tensor, scale: steps, learned: own).spilled()), (zeroPoint, Tensor(zeros: steps.shape, op.codeType)),
            ]
            edit.removedNodes.insert(node.name)
            edit.addedNodes += [
                Node(
                    name: names.node("\(node.name).quantize"), op: QuantizeLinear(axis: op.scaleAxis.axis), inputs: [source, scale, zeroPoint],
                    outputs: [codes]),
                Node(name: node.name, op: DequantizeLinear(axis: op.scaleAxis.axis), inputs: [codes, scale, zeroPoint], outputs: node.outputs),
            ]
        }
        return edit.removedNodes.isEmpty ? self : try applying(edit).removingDeadNodes()
    }
}

extension LearnedRounding {
    /// What codes stand for, each as it was learned.
    fileprivate func rounded(_ weight: Tensor, scale: Tensor, learned: Tensor) -> Tensor {
        let (values, scales, parts) = (weight.floats(), scale.floats(), learned.floats())
        let layout = ScaleLayout(axis: scales.count == 1 ? nil : scaleAxis.axis, of: weight.shape)
        let (low, high) = (Float(codes.lowerBound), Float(codes.upperBound))
        return Tensor(values.indices.map { index -> Float in
            let step = scales[layout.scaleIndex(of: index)]
            let up: Float = values[index] != 0 && parts[index] >= 0 ? 1 : 0
            return step * min(max((values[index] / step).rounded(.down) + up, low), high)
        }, shape: weight.shape)
    }
}
