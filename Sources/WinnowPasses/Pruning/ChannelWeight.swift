import WinnowEngine
import WinnowGraph
import WinnowTensor

/// A constant that makes channels: an operand of a contraction or a table of rows, with an axis along which the results lie.
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
    /// The constants that nodes multiply their data with, in node order; one that several nodes read appears for each. One that makes
    /// several axes of the result, as a stack of experts' weights does, stands for the first along which channels may go.
    func channelWeights(in graph: Graph) -> [ChannelWeight] {
        let origins = graph.constantOrigins
        let bound = Dictionary(nodes.map { ($0.node.name, $0) }, uniquingKeysWith: { first, _ in first })
        let codes = graph.storedCodes
        return graph.nodes.flatMap { node -> [ChannelWeight] in
            let positions: [Int] =
                switch node.op.quantization {
                case .contraction: [0, 1]
                case .weights(let axes): axes.keys.sorted()
                // Rows that are looked up make their columns.
                default: node.lookedUpInput.map { [$0] } ?? []
                }
            // Codes whose channels an operator tells apart; of others it is reported that they stay codes.
            let coded = node.inputs.indices.filter { position in
                codes[node.inputs[position]] != nil && !positions.contains(position)
                    && bound[node.name]?.map.outputAxis(ofInput: position, rank: graph.infos[node.inputs[position]]?.rank ?? 0) != nil
            }
            return (positions + coded).compactMap { position in
                guard let operand = node.input(position), let tensor = origins[operand], let rank = graph.infos[operand]?.rank, rank >= 2,
                    node.outputs.contains(where: { origins[$0] == nil })
                else { return nil }
                let axes = bound[node.name]?.map.outputAxes(ofInput: position, rank: rank) ?? []
                let weights = (axes.isEmpty ? [nil] : axes.map(Optional.some)).map {
                    ChannelWeight(tensor: tensor, operand: operand, axis: $0, node: node, inputIndex: position)
                }
                return weights.first { protection(of: $0) == nil } ?? weights.first
            }
        }
    }

    /// Why none of a weight's channels along its axis may be removed; nil if some may.
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
        var products: [(weight: Int, id: Int)] = []
        for (index, weight) in weights.enumerated() {
            guard let axis = weight.axis, let id = classID(of: weight.operand, axis: axis) else { continue }
            var open = [id]
            while let next = open.popLast() {
                switch classes.composition(of: next) {
                case nil: makers[classes.root(of: next), default: []].append(index)
                case (.concatenation, let parts)?, (.selection, let parts)?: open += parts.reversed()
                case (.product, _)?: products.append((index, next))
                }
            }
        }
        let known = Dictionary(groups.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        for (weight, id) in products {
            for leaf in shrinking(id, known, Set(makers.keys)) { makers[leaf, default: []].append(weight) }
        }
        return groups.compactMap { group in
            guard group.protection == nil, let indices = makers[group.id] else { return nil }
            return (group, Set(indices).sorted().map { weights[$0] })
        }
    }

    /// The leaf classes of which a class loses channels: of a product those of one factor.
    private func shrinking(_ id: Int, _ known: [Int: Group], _ made: Set<Int>, depth: Int = 0) -> [Int] {
        guard depth < 16, let (kind, parts) = classes.composition(of: id) else {
            let root = classes.root(of: id)
            return known[root].map { $0.protection == nil } ?? false ? [root] : []
        }
        let each = parts.map { shrinking($0, known, made, depth: depth + 1) }
        guard kind == .product else { return each.flatMap { $0 } }
        func count(_ leaves: [Int]) -> Int { leaves.reduce(0) { $0 + (known[$1]?.channelCount ?? 0) } }
        return each.first { !made.isDisjoint(with: $0) } ?? each.max { count($0) < count($1) } ?? []
    }
}
