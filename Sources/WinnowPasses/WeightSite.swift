package import WinnowGraph
import WinnowTensor

/// A weight where it is used: the initializer that a layer multiplies its data with.
package struct WeightSite: Sendable {
    /// The initializer that stores the weight.
    package var tensor: ValueName
    /// What the node reads: the initializer, or what a mask or Q/DQ pair makes of it.
    package var operand: ValueName
    /// The 0/1 initializer the weight is multiplied with, if it is masked.
    package var mask: ValueName?
    /// Whether Q/DQ nodes lie between the initializer and the node.
    package var isQuantized: Bool
    package var node: Node
    /// The index of `operand` among the node's inputs.
    package var inputIndex: Int
    /// The weight's axis that is an axis of the output, and not of the data if there is such a one: output channels.
    package var outputAxis: Int?
}

extension Graph {
    /// The weights of all contractions in node order; a weight shared by several nodes appears once for each.
    package var weightSites: [WeightSite] {
        let index = GraphIndex(self)
        return nodes.flatMap { node -> [WeightSite] in
            switch node.op.quantization {
            case .contraction: node.inputs.indices.prefix(2).compactMap { site(of: node, input: $0, index: index) }
            case .weights(let axes):
                axes.sorted { $0.key < $1.key }.compactMap { input, axis in
                    var site = site(of: node, input: input, index: index)
                    site?.outputAxis = axis
                    return site
                }
            default: []
            }
        }
    }

    private func site(of node: Node, input position: Int, index: GraphIndex) -> WeightSite? {
        guard let operand = node.input(position), (infos[operand]?.rank ?? 0) >= 2 else { return nil }
        var value = operand
        var mask: ValueName?
        var isQuantized = false
        while initializers[value] == nil {
            guard let producer = index.producer(of: value), let data = producer.input(0) else { return nil }
            switch producer.op.type.name {
            case "QuantizeLinear", "DequantizeLinear": isQuantized = true
            case "Mul":
                guard let other = producer.input(1), other.isMaskName, initializers[other] != nil else { return nil }
                mask = other
            default: return nil
            }
            value = data
        }
        return WeightSite(
            tensor: value, operand: operand, mask: mask, isQuantized: isQuantized, node: node, inputIndex: position,
            outputAxis: outputAxis(of: node, weight: position))
    }

    private func outputAxis(of node: Node, weight: Int) -> Int? {
        let map = node.op.axes(for: node.inputs.map { $0.isEmpty ? nil : infos[$0] })
        guard !map.isOpaque, weight < map.inputs.count, let output = map.outputs.first else { return nil }
        let produced = Set(output.flatMap(\.labels))
        let data = Set(
            map.inputs.enumerated().filter { $0.offset < 2 && $0.offset != weight }.flatMap {
                $0.element.flatMap(\.labels)
            })
        let candidates = map.inputs[weight].indices.filter { axis in
            let labels = map.inputs[weight][axis].labels
            return !labels.isEmpty && produced.isSuperset(of: labels)
        }
        return candidates.first { !data.isSuperset(of: map.inputs[weight][$0].labels) } ?? candidates.first
    }

    /// Float initializers that the model computes with, in file order: weights, biases, normalization parameters; not
    /// masks, scales, or scalars.
    package var weightTensors: [ValueName] {
        var scales: Set<ValueName> = []
        for node in nodes where ["QuantizeLinear", "DequantizeLinear"].contains(node.op.type.name) {
            scales.formUnion(node.inputs.dropFirst())
        }
        return initializerNames.filter { name in
            guard let tensor = initializers[name] else { return false }
            return tensor.elementType.isFloatingPoint && tensor.rank > 0 && !name.isMaskName && !scales.contains(name)
        }
    }
}

extension String {
    /// Whether this names a pruning mask: weight `W` is masked by `W.mask`.
    package var isMaskName: Bool { hasSuffix(".mask") }
    package var maskName: String { self + ".mask" }
}
