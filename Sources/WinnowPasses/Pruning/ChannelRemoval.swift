package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Takes channels out of a graph: slices initializers, and adjusts what else counts them.
package struct ChannelRemoval {
    private let graph: Graph
    private let groups: CouplingGroups

    package init(_ graph: Graph, _ groups: CouplingGroups) {
        self.graph = graph
        self.groups = groups
    }

    /// The graph without these channels. Throws if an operator does not fit its operands any more.
    package func removing(_ channels: [Int: Set<Int>]) throws -> Graph {
        var edit = GraphEdit()
        for name in graph.initializerNames {
            guard var tensor = graph.initializers[name] else { continue }
            var isSliced = false
            for axis in 0..<tensor.rank {
                guard let places = groups.removedPlaces(of: name, axis: axis, removing: channels) else { continue }
                tensor = tensor.selecting(places.indices.filter { !places[$0] }, axis: axis)
                isSliced = true
            }
            if isSliced { edit.initializers.append((name, tensor)) }
        }
        for node in graph.nodes { try adjust(node, channels, &edit) }
        return try graph.applying(edit)
    }

    /// The same network with these channels' parameters set to zero instead: gives the same outputs.
    package func masking(_ channels: [Int: Set<Int>]) throws -> Graph {
        var edit = GraphEdit()
        for name in graph.initializerNames {
            guard var tensor = graph.initializers[name], tensor.elementType == .float32 else { continue }
            var isChanged = false
            for axis in 0..<tensor.rank {
                guard let places = groups.removedPlaces(of: name, axis: axis, removing: channels) else { continue }
                tensor = tensor.scaled(by: places.map { $0 ? 0 : 1 }, axis: axis)
                isChanged = true
            }
            if isChanged { edit.initializers.append((name, tensor)) }
        }
        return try graph.applying(edit)
    }

    /// Rewrites the group count of depthwise convolutions and constant extents that Reshape and Split read.
    private func adjust(_ node: Node, _ channels: [Int: Set<Int>], _ edit: inout GraphEdit) throws {
        switch node.op.type.description {
        case "Conv", "ConvTranspose": try adjustGroups(of: node, channels, &edit)
        case "Reshape":
            guard let output = node.output(0) else { return }
            try adjust(constant: node.input(1), of: node, &edit) { axis, extent in
                extent > 0 ? remaining(output, axis, channels) : nil
            }
        case "Split":
            guard let input = node.input(0), let rank = graph.infos[input]?.rank else { return }
            let axis = try node.op.attributes.int("axis", default: 0)
            try adjust(constant: node.input(1), of: node, &edit) { part, _ in
                node.output(part).flatMap { remaining($0, axis < 0 ? axis + rank : axis, channels) }
            }
        default: return
        }
    }

    private func adjustGroups(of node: Node, _ channels: [Int: Set<Int>], _ edit: inout GraphEdit) throws {
        let count = try node.op.attributes.int("group", default: 1)
        guard count > 1, let filter = node.input(1), let extent = graph.infos[filter]?.extents?.first?.value,
            extent == count,
            let left = remaining(filter, 0, channels)
        else { return }
        var attributes = node.op.attributes
        attributes["group"] = .int(left)
        var changed = node
        changed.op = try OperatorCatalogue.registry.makeOperator(
            node.op.type, attributes: attributes, version: graph.metadata.version(of: node.op.type.domain))
        edit.removedNodes.insert(node.name)
        edit.addedNodes.append(changed)
    }

    private func adjust(
        constant name: ValueName?, of node: Node, _ edit: inout GraphEdit, _ value: (Int, Int) -> Int?
    ) throws {
        guard let name, let tensor = graph.initializers[name] else { return }
        let old = tensor.integers()
        let new = old.indices.map { value($0, old[$0]) ?? old[$0] }
        guard old != new else { return }
        let own = "\(node.name).extents"
        var changed = node
        changed.inputs = node.inputs.map { $0 == name ? own : $0 }
        edit.removedNodes.insert(node.name)
        edit.addedNodes.append(changed)
        edit.initializers.append((own, Tensor(new.map(Double.init), shape: tensor.shape, as: tensor.elementType)))
    }

    /// The extent an axis has left; nil where nothing is removed.
    private func remaining(_ value: ValueName, _ axis: Int, _ channels: [Int: Set<Int>]) -> Int? {
        groups.removedPlaces(of: value, axis: axis, removing: channels).map { $0.count { !$0 } }
    }
}
