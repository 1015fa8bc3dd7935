package import WinnowGraph
import WinnowOperators
import WinnowTensor

extension ChannelRemoval {
    /// The same network with these channels' parameters set to zero instead: gives the same outputs.
    package func masking(_ channels: [Int: Set<Int>]) throws -> Graph {
        var edit = GraphEdit()
        for name in graph.initializerNames {
            guard let tensor = graph.initializers[name], tensor.elementType.isFloatingPoint, tensor.elementType.bitWidth >= 8
            else { continue }
            let masked = (0..<tensor.rank).reduce(tensor) { tensor, axis in
                let places = groups.removedPlaces(of: name, axis: axis, removing: maskable(channels, of: name))
                return places.map { tensor.clearing($0, axis: axis) } ?? tensor
            }
            if masked != tensor { edit.initializers.append((name, masked)) }
        }
        var names = FreshNames(graph)
        for value in constantsMetByData { try mask(value, channels, &names, &edit) }
        return try graph.applying(edit)
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
