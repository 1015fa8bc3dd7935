import WinnowEngine
package import WinnowGraph
import WinnowOperators
import WinnowTensor

extension ChannelRemoval {
    /// The same network with these channels' parameters set to zero instead: gives the same outputs.
    package func masking(_ channels: [Int: Set<Int>]) throws -> Graph {
        var edit = GraphEdit()
        let codes = graph.storedCodes
        for name in graph.initializerNames {
            guard let tensor = graph.initializers[name], tensor.elementType.isFloatingPoint || codes[name] != nil,
                tensor.elementType.bitWidth >= 8
            else { continue }
            let blank = codes[name].map { $0.zeros(like: tensor) }
            let masked = (0..<tensor.rank).reduce(tensor) { tensor, axis in
                let places = groups.removedPlaces(of: name, axis: axis, removing: maskable(channels, of: name))
                return places.map { tensor.clearing($0, axis: axis, to: blank) } ?? tensor
            }
            if masked != tensor { edit.initializers.append((name, masked)) }
        }
        var names = FreshNames(graph)
        for value in constantsMetByData { try mask(value, channels, &names, &edit) }
        for bound in groups.nodes where !bound.map.population.isEmpty { restrict(bound, channels, &names, &edit) }
        return try graph.applying(edit)
    }

    /// Takes a node's statistics over the channels that are left: they are picked out before it, and spread among zeros behind it.
    private func restrict(
        _ bound: CouplingGroups.BoundNode, _ channels: [Int: Set<Int>], _ names: inout FreshNames, _ edit: inout GraphEdit
    ) {
        // What lies on one axis with the population goes along with it: the groups of its channels.
        let joined = Set(
            (bound.map.inputs + bound.map.outputs).joined().map(\.labels).filter { !bound.map.population.isDisjoint(with: $0) }.joined())
        func removed(_ value: ValueName, _ terms: [AxisTerm]) -> [(axis: Int, places: [Bool])] {
            let axes = groups.infos[value]?.rank.flatMap { terms.aligned(toRank: $0) } ?? []
            return axes.indices.compactMap { axis in
                guard !joined.isDisjoint(with: axes[axis].labels) else { return nil }
                return groups.removedPlaces(of: value, axis: axis, removing: channels).map { (axis, $0) }
            }
        }
        var node = bound.node
        for (position, value) in bound.node.inputs.enumerated() where !value.isEmpty && position < bound.map.inputs.count {
            for (axis, places) in removed(value, bound.map.inputs[position]) {
                let (left, indices) = (names.value("\(value).left"), names.value("\(value).places"))
                edit.initializers.append((indices, Tensor(places.indices.filter { !places[$0] }.map { Int64($0) })))
                let name = names.node("\(node.name).left")
                edit.addedNodes.append(
                    Node(name: name, op: Gather(axis: axis), inputs: [node.inputs[position], indices], outputs: [left]))
                node.inputs[position] = left
            }
        }
        guard node.inputs != bound.node.inputs else { return }
        if let op = node.op.resized(extentsLeft(of: bound, channels), for: bound.inputs) { node.op = op }
        for (position, value) in bound.node.outputs.enumerated() where !value.isEmpty && position < bound.map.outputs.count {
            for (axis, places) in removed(value, bound.map.outputs[position]).reversed() {
                node.outputs[position] = spread(node.outputs[position], axis: axis, places, as: value, &names, &edit)
            }
        }
        edit.removedNodes.insert(node.name)
        edit.addedNodes.append(node)
    }

    /// Makes `value` of one that has no places marked as removed: there it is zero. Gives the name of that one.
    private func spread(
        _ value: ValueName, axis: Int, _ places: [Bool], as type: ValueName, _ names: inout FreshNames, _ edit: inout GraphEdit
    ) -> ValueName {
        let element = groups.infos[type]?.elementType ?? .float32
        var count: Int64 = 0
        let sources = places.map { isRemoved -> Int64 in
            if !isRemoved { count += 1 }
            return max(0, count - 1)
        }
        let rank = groups.infos[type]?.rank ?? axis + 1
        let shape = Shape((0..<rank).map { $0 == axis ? places.count : 1 })
        let (left, wide) = (names.value("\(type).left"), names.value("\(type).wide"))
        let (indices, factors) = (names.value("\(type).sources"), names.value("\(type).channels"))
        edit.initializers.append((indices, Tensor(sources)))
        edit.initializers.append((factors, Tensor(places.map { $0 ? 0 : 1 }, shape: shape, as: element)))
        edit.addedNodes.append(Node(name: names.node("\(type).wide"), op: Gather(axis: axis), inputs: [left, indices], outputs: [wide]))
        edit.addedNodes.append(Node(name: names.node("\(type).masked"), op: Mul(), inputs: [wide, factors], outputs: [value]))
        return left
    }

    /// The groups that a normalization takes statistics over together with extents that are not known: no constant says where they lie.
    var unrestrictable: Set<Int> {
        Set(groups.nodes.flatMap { bound in
            bound.map.population.compactMap { bound.labels[$0] }.filter { groups.classes.extent(of: $0) == nil }
                .flatMap { groups.classes.leaves(of: $0) }
        })
    }

    /// The channels at which a constant may become zero.
    private func maskable(_ channels: [Int: Set<Int>], of value: ValueName) -> [Int: Set<Int>] {
        channels.filter { !(groups.unmaskable[value]?.contains($0.key) ?? false) }
    }

    /// Constants that nodes compute, for other nodes that read more than constants.
    private var constantsMetByData: [ValueName] {
        let constants = Set(graph.constantOrigins.keys)
        let read = graph.nodes.filter { $0.outputs.allSatisfy { !constants.contains($0) } }.flatMap(\.inputs)
        return Set(read).intersection(constants).filter { graph.initializers[$0] == nil }.sorted()
    }

    /// Multiplies a computed constant (dequantized codes, a looked-up palette) by 0 at the channels where it is not 0 by itself.
    private func mask(
        _ value: ValueName, _ channels: [Int: Set<Int>], _ names: inout FreshNames, _ edit: inout GraphEdit
    ) throws {
        guard let info = graph.infos[value], let shape = info.shape, info.elementType.isFloatingPoint else { return }
        let own = maskable(channels, of: value).filter { !(groups.zeros[value]?.contains($0.key) ?? false) }
        var masked = value
        for axis in shape.indices {
            guard let places = groups.removedPlaces(of: value, axis: axis, removing: own) else { continue }
            let factors = Tensor(
                places.map { $0 ? 0 : 1 }, shape: Shape(shape.indices.map { $0 == axis ? shape[axis] : 1 }), as: info.elementType)
            let (factor, product) = (names.value("\(value).channels"), names.value("\(value).masked"))
            edit.initializers.append((factor, factors))
            edit.addedNodes.append(Node(name: names.node("\(value).masked"), op: Mul(), inputs: [masked, factor], outputs: [product]))
            masked = product
        }
        if masked != value { edit.rewired[value] = masked }
    }
}
