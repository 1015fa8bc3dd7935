import WinnowGraph
import WinnowTensor

/// A constant that makes channels: an operand of a contraction or a table of rows, with the axis along which the results lie.
struct ChannelWeight {
    /// The initializer that stores it; of several (codes and scales) the largest.
    let tensor: ValueName
    /// What the node reads.
    let operand: ValueName
    /// nil: the node does not tell.
    let axis: Int?
    let node: Node
    let inputIndex: Int

    var site: WeightSite {
        WeightSite(
            tensor: tensor, operand: operand, mask: nil, isQuantized: false, node: node, inputIndex: inputIndex, operandAxis: axis,
            outputAxis: nil, holder: nil)
    }
}

extension CouplingGroups {
    /// The constants that nodes multiply their data with, in node order; one that several nodes read appears for each.
    func channelWeights(in graph: Graph) -> [ChannelWeight] {
        let origins = graph.constantOrigins
        let bound = Dictionary(nodes.map { ($0.node.name, $0) }, uniquingKeysWith: { first, _ in first })
        return graph.nodes.flatMap { node -> [ChannelWeight] in
            let positions: [Int] =
                switch node.op.quantization {
                case .contraction: [0, 1]
                case .weights(let axes): axes.keys.sorted()
                // Rows that are looked up make their columns.
                default: node.lookedUpInput.map { [$0] } ?? []
                }
            return positions.compactMap { position in
                guard let operand = node.input(position), let tensor = origins[operand], let rank = graph.infos[operand]?.rank, rank >= 2,
                    node.outputs.contains(where: { origins[$0] == nil })
                else { return nil }
                return ChannelWeight(
                    tensor: tensor, operand: operand, axis: bound[node.name]?.map.outputAxis(ofInput: position, rank: rank),
                    node: node, inputIndex: position)
            }
        }
    }

    /// Why none of a weight's channels may be removed; nil if some may.
    func protection(of weight: ChannelWeight) -> String? {
        guard let axis = weight.axis, let id = classID(of: weight.operand, axis: axis) else {
            return seal(of: weight.operand)
                ?? "\(weight.node.name) (\(weight.node.op.type)) does not tell along which axis its channels lie"
        }
        let leaves = classes.leaves(of: id)
        guard !groups.contains(where: { leaves.contains($0.id) && $0.protection == nil }) else { return nil }
        return leaves.lazy.compactMap { classes.protection(of: $0) }.first ?? "it makes one channel, or nobody knows how many"
    }

    /// The groups whose channels weights make and may lose, with those weights.
    ///
    /// Of an axis that is a product (heads times width, groups times channels) one factor shrinks: one that is a whole axis
    /// elsewhere, else the largest. Concatenated parts shrink each by itself.
    func groups(madeBy weights: [ChannelWeight]) -> [(group: Group, weights: [ChannelWeight])] {
        var makers: [Int: [Int]] = [:]
        var products: [(weight: Int, parts: [Int])] = []
        for (index, weight) in weights.enumerated() {
            guard let axis = weight.axis, let id = classID(of: weight.operand, axis: axis) else { continue }
            var open = [id]
            while let next = open.popLast() {
                switch classes.composition(of: next) {
                case nil: makers[classes.root(of: next), default: []].append(index)
                case (.concatenation, let parts)?: open += parts.reversed()
                case (.product, let parts)?: products.append((index, parts))
                }
            }
        }
        let known = Dictionary(groups.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        for (weight, parts) in products {
            let leaves = parts.flatMap { classes.leaves(of: $0) }.filter { known[$0].map { $0.protection == nil } ?? false }
            let chosen = leaves.first { makers[$0] != nil } ?? leaves.max { known[$0]?.channelCount ?? 0 < known[$1]?.channelCount ?? 0 }
            if let chosen { makers[chosen, default: []].append(weight) }
        }
        return groups.compactMap { group in
            guard group.protection == nil, let indices = makers[group.id] else { return nil }
            return (group, Set(indices).sorted().map { weights[$0] })
        }
    }
}
