import WinnowEngine
package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// A weight where it is used: the initializer that a layer multiplies its data with.
package struct WeightSite: Sendable {
    /// The initializer that stores the weight.
    package var tensor: ValueName
    /// What the node reads: the initializer, or what a mask, a Q/DQ pair, Transpose, Identity or Cast makes of it.
    package var operand: ValueName
    /// The 0/1 initializer the weight is multiplied with, if it is masked.
    package var mask: ValueName?
    /// Whether Q/DQ nodes lie between the initializer and the node.
    package var isQuantized: Bool
    package var node: Node
    /// The index of `operand` among the node's inputs.
    package var inputIndex: Int
    /// The operand's axis that is an axis of the output, and not of the data if there is such a one: output channels.
    package var operandAxis: Int?
    /// The same as an axis of the initializer.
    package var outputAxis: Int?
    /// Axis i of the operand is axis `order[i]` of the initializer; nil where axes were merged or split.
    package var order: [Int]?
    /// The node whose body the layer lies in, where the initializer is one of the graph around it.
    package var holder: String?

    /// The axis of the initializer that the layer sums over; nil where its axes do not tell, or are several.
    package var summedAxis: Int?

    /// Whether data is multiplied with it: not where all that becomes of it is rows that are looked up.
    var isMultiplied = true
}

extension Graph {
    /// The weights of all contractions in node order; a weight shared by several nodes appears once for each. Weights of
    /// control-flow bodies are the bodies' own.
    package var weightSites: [WeightSite] { allSites.filter { initializers[$0.tensor] != nil } }

    /// The uses of this graph's initializers by contractions in the bodies inside it, through what lies on either side of their edges.
    package var capturedWeightSites: [WeightSite] { capturedSites.filter { initializers[$0.tensor] != nil } }

    /// Uses, in the bodies inside this graph, of its initializers and of what it captures itself.
    private var capturedSites: [WeightSite] {
        let holders = nodes.filter { !$0.op.bodies.isEmpty }
        guard !holders.isEmpty else { return [] }
        let index = GraphIndex(self)
        return holders.flatMap { node in
            node.op.bodies.sorted { $0.key < $1.key }.flatMap { _, body in
                (body.allSites + body.capturedSites).filter { body.captures[$0.tensor] != nil }.compactMap { index.continuing($0) }.map { site in
                    var site = site
                    site.holder = node.name
                    return site
                }
            }
        }
    }

    /// Sites whose weight is an initializer of this graph or of one around it.
    private var allSites: [WeightSite] {
        let index = GraphIndex(self)
        return nodes.flatMap { node -> [WeightSite] in
            switch node.op.quantization {
            case .contraction: node.inputs.indices.prefix(2).compactMap { site(of: node, input: $0, index: index) }
            case .weights(let axes):
                axes.sorted { $0.key < $1.key }.compactMap { input, axis in site(of: node, input: input, axis: axis, index: index) }
            default: []
            }
        }
    }

    private func site(of node: Node, input position: Int, axis: Int? = nil, index: GraphIndex) -> WeightSite? {
        guard let operand = node.input(position), let rank = infos[operand]?.rank, rank >= 2,
            let path = index.weightPath(to: operand, rank: rank)
        else { return nil }
        let map = node.op.axes(for: node.inputs.map { $0.isEmpty ? nil : infos[$0] })
        // What a layer does not declare it multiplies with its last axis.
        let summed = axis == nil ? map.summedAxis(ofInput: position, rank: rank) : axis == rank - 1 ? rank - 2 : rank - 1
        let axis = axis ?? map.outputAxis(ofInput: position, rank: rank)
        return WeightSite(
            tensor: path.tensor, operand: operand, mask: path.mask, isQuantized: path.isQuantized, node: node, inputIndex: position,
            operandAxis: axis, outputAxis: axis.flatMap { axis in path.order.map { $0[axis] } }, order: path.order,
            summedAxis: summed.flatMap { axis in path.order.map { $0[axis] } })
    }

    /// The tables whose rows nodes look up, but for palettes: one row has the numbers that go together. Rows that are matrices, as those
    /// of experts, may be weights of the layers behind: their axes are what those make of them.
    package var lookupSites: [WeightSite] {
        let (index, origins) = (GraphIndex(self), constantOrigins)
        return nodes.compactMap { node in
            guard let input = node.lookedUpInput, (node.op as? Gather)?.axis == 0, EncodedWeight.table(behind: node, in: index) == nil,
                var site = site(of: node, input: input, axis: 0, index: index), initializers[site.tensor] != nil,
                let extents = infos[site.operand]?.extents, extents.dropFirst().contains(where: { $0.value != 1 })
            else { return nil }
            guard extents.count > 2 else { site.isMultiplied = false; return site }
            // Of rows at constant places fold-constants makes weights.
            guard let places = node.input(1), origins[places] == nil else { return nil }
            let reader = productReading(node, index, origins)
            site.isMultiplied = reader != nil
            guard let reader, let added = infos[places]?.rank.map({ $0 - 1 }) else { return site }
            // Axes of the rows come after those of the places.
            func axis(_ axes: [Int]) -> Int? { axes.first { $0 > added }.flatMap { site.order?[$0 - added] } }
            if let channels = axis(reader.outputAxes) { site.outputAxis = channels }
            site.summedAxis = axis(reader.summedAxis.map { [$0] } ?? [])
            return site
        }
    }

    /// The axes of looked-up rows that the first layer makes or sums that multiplies computed data with them.
    private func productReading(
        _ lookup: Node, _ index: GraphIndex, _ origins: [ValueName: ValueName]
    ) -> (outputAxes: [Int], summedAxis: Int?)? {
        guard let rows = lookup.output(0), let rank = infos[rows]?.rank else { return nil }
        return index.consumers(of: rows).lazy.compactMap { node in
            guard node.op.quantization == .contraction, let position = node.inputs.prefix(2).firstIndex(of: rows),
                let data = node.input(1 - position), origins[data] == nil
            else { return nil }
            let map = node.op.axes(for: node.inputs.map { $0.isEmpty ? nil : infos[$0] })
            return (map.outputAxes(ofInput: position, rank: rank), map.summedAxis(ofInput: position, rank: rank))
        }.first
    }

    /// Float initializers that the model computes with, in file order: weights, biases, normalization parameters; not
    /// masks, scales, or scalars.
    package var weightTensors: [ValueName] {
        var scales: Set<ValueName> = []
        for node in nodes {
            let roles = node.op.inputRoles
            if roles[1] == .scale { scales.formUnion(node.inputs.dropFirst()) }
            for (place, role) in roles where role == .scale { if let scale = node.input(place) { scales.insert(scale) } }
        }
        let masks = maskNames
        return initializerNames.filter { name in
            guard let tensor = initializers[name] else { return false }
            return tensor.elementType.isFloatingPoint && tensor.rank > 0 && !masks.contains(name) && !scales.contains(name)
        }
    }
}

extension GraphIndex {
    /// A site of a body whose weight is a value of this graph, followed to the initializer behind that; nil if there is none.
    fileprivate func continuing(_ site: WeightSite) -> WeightSite? {
        if graph.initializers[site.tensor] != nil || graph.captures[site.tensor] != nil { return site }
        guard let rank = info(of: site.tensor)?.rank, let path = weightPath(to: site.tensor, rank: rank) else { return nil }
        let order = site.order.flatMap { $0.count == rank ? path.order : nil }
        func axis(_ axis: Int?) -> Int? { axis.flatMap { axis in order.map { $0[axis] } } }
        var result = site
        (result.tensor, result.mask) = (path.tensor, site.mask ?? path.mask)
        result.isQuantized = site.isQuantized || path.isQuantized
        (result.outputAxis, result.summedAxis) = (axis(site.outputAxis), axis(site.summedAxis))
        result.order = site.order.flatMap { own in order.map { order in own.map { order[$0] } } }
        return result
    }
}

extension Graph {
    /// The axis of a layer's output that its weight's output channels lie along, counted from the front; nil where that is not told.
    package func resultAxis(of site: WeightSite) -> Int? {
        guard let place = outputPlace(of: site), let rank = site.node.output(0).flatMap({ infos[$0]?.rank }) else { return nil }
        return rank - place
    }

    /// The same counted from the end, 1 for the last axis.
    func outputPlace(of site: WeightSite) -> Int? {
        let map = site.node.op.axes(for: site.node.inputs.map { $0.isEmpty ? nil : infos[$0] })
        guard let axis = site.operandAxis, !map.isOpaque, map.inputs.indices.contains(site.inputIndex),
            map.inputs[site.inputIndex].indices.contains(axis), let result = map.outputs.first,
            let place = result.lastIndex(of: map.inputs[site.inputIndex][axis])
        else { return nil }
        return result.count - place
    }
}
