package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Takes channels out of a graph: slices initializers, and asks operators for what else counts them.
package struct ChannelRemoval {
    let graph: Graph
    let groups: CouplingGroups

    package init(_ graph: Graph, _ groups: CouplingGroups) {
        self.graph = graph
        self.groups = groups
    }

    /// The graph without these channels. Throws if an operator does not fit its operands any more.
    package func removing(_ channels: [Int: Set<Int>]) throws -> Graph {
        var edit = GraphEdit()
        for name in graph.initializerNames {
            guard let tensor = graph.initializers[name] else { continue }
            let smaller = (0..<tensor.rank).reduce(tensor) { tensor, axis in
                let places = groups.removedPlaces(of: name, axis: axis, removing: channels)
                return places.map { tensor.removing($0, axis: axis) } ?? tensor
            }
            if smaller.shape != tensor.shape { edit.initializers.append((name, smaller)) }
        }
        var lists = ExtentLists(graph)
        var names = FreshNames(graph)
        for bound in groups.nodes { try adjust(bound, channels, &lists, &names, &edit) }
        let result = try graph.applying(edit)
        try check(result, channels)
        return result
    }

    /// Gives a node the attributes and lists of extents that fit what is left.
    private func adjust(
        _ bound: CouplingGroups.BoundNode, _ channels: [Int: Set<Int>], _ lists: inout ExtentLists, _ names: inout FreshNames,
        _ edit: inout GraphEdit
    ) throws {
        var node = bound.node
        let fixed = extentsLeft(of: bound, channels)
        let isResized = fixed != bound.map.extents
        if isResized, let op = node.op.resized(fixed, for: bound.inputs) { node.op = op }
        var isRewritten = false
        for (position, counted) in bound.counts.sorted(by: { $0.key < $1.key }) {
            guard let list = node.input(position), let elements = graph.infos[list]?.countedExtents else { continue }
            var changed: [Int: Int] = [:]
            for (element, id) in zip(elements.indices, counted) {
                guard let id, elements[element].value == groups.classes.extent(of: id), isFixed(list, element),
                    let left = remaining(id, channels)
                else { continue }
                changed[element] = left
            }
            guard !changed.isEmpty else { continue }
            node.inputs[position] = try lists.list(list, with: changed, for: node, &edit)
            isRewritten = true
        }
        if select(of: bound, channels, &node, &names, &edit) { isRewritten = true }
        let share = shareLeft(of: bound, channels)
        guard isResized || isRewritten || share != 1 else { return }
        if share != 1, let result = node.output(0), let info = graph.infos[result] {
            let (mean, factor) = (names.value("\(result).mean"), names.value("\(result).share"))
            edit.initializers.append((factor, Tensor([share], shape: [], as: info.elementType)))
            edit.addedNodes.append(Node(name: names.node("\(node.name).share"), op: Mul(), inputs: [mean, factor], outputs: [result]))
            node.outputs[0] = mean
        }
        edit.removedNodes.insert(node.name)
        edit.addedNodes.append(node)
    }

    /// Has a node select what is left of what it selects. Whether that is something else.
    private func select(
        of bound: CouplingGroups.BoundNode, _ channels: [Int: Set<Int>], _ node: inout Node, _ names: inout FreshNames, _ edit: inout GraphEdit
    ) -> Bool {
        guard let selection = bound.map.selection,
            let places = groups.removedPlaces(of: bound.node.inputs[0], axis: selection.source, removing: channels)
        else { return false }
        let name = names.value("\(node.name).indices")
        if let position = selection.list {
            guard let list = bound.inputs[position]?.constant else { return false }
            let smaller = list.shape.indices.filter { $0 != selection.listAxis }.reduce(list) { tensor, axis in
                groups.removedPlaces(of: bound.node.inputs[position], axis: axis, removing: channels).map { tensor.removing($0, axis: axis) } ?? tensor
            }
            edit.initializers.append((name, selection.list(smaller, removing: places)))
            node.inputs[position] = name
        } else {
            // No bounds tell what is left of every third.
            edit.initializers.append((name, Tensor(selection.left(removing: places).map { Int64($0) })))
            (node.op, node.inputs) = (Gather(axis: selection.source), [node.inputs[0], name])
        }
        return true
    }

    /// Whether an element of a list is a number that stays what it is, rather than read from a shape.
    private func isFixed(_ list: ValueName, _ element: Int) -> Bool {
        groups.lists[list]?.symbolicElements.map { $0[element].value != nil } ?? true
    }

    /// What is left of the labels that attributes fix.
    func extentsLeft(of bound: CouplingGroups.BoundNode, _ channels: [Int: Set<Int>]) -> [Character: Int] {
        var result = bound.map.extents
        for label in bound.map.extents.keys {
            if let id = bound.labels[label], let left = remaining(id, channels) { result[label] = left }
        }
        return result
    }

    /// How much of what a node averages is left: its mean is that much too large.
    private func shareLeft(of bound: CouplingGroups.BoundNode, _ channels: [Int: Set<Int>]) -> Double {
        bound.averages.compactMap { bound.labels[$0] }.reduce(1) { share, id in
            guard let left = remaining(id, channels), let count = groups.classes.extent(of: id) else { return share }
            return share * Double(left) / Double(count)
        }
    }

    /// The extent a class has left; nil where nothing is removed.
    private func remaining(_ id: Int, _ channels: [Int: Set<Int>]) -> Int? {
        groups.removedPlaces(ofClass: id, removing: channels).map { $0.count { !$0 } }
    }

    /// Throws where a value has not the shape that it must have now: no file is better than a wrong one.
    private func check(_ result: Graph, _ channels: [Int: Set<Int>]) throws {
        let index = GraphIndex(graph)
        for (name, info) in graph.infos.sorted(by: { $0.key < $1.key }) where index.isRead(name) {
            guard let before = info.extents, let after = result.infos[name]?.extents, before.count == after.count else { continue }
            for axis in before.indices {
                guard let extent = before[axis].value, let left = after[axis].value else { continue }
                let expected = groups.removedPlaces(of: name, axis: axis, removing: channels).map { $0.count { !$0 } } ?? extent
                guard left != expected else { continue }
                throw WinnowError(
                    .model, "value \(name)", "would have extent \(left) instead of \(expected) along axis \(axis) without its channels",
                    remedy: "leave the weights before it out with `except`")
            }
        }
    }
}

extension Tensor {
    /// The tensor without the places marked along an axis.
    func removing(_ places: [Bool], axis: Int) -> Tensor {
        selecting(places.indices.filter { !places[$0] }, axis: axis)
    }

    /// The tensor with zeros, or with what `blank` has there, at the places marked along an axis; its element type takes whole bytes.
    func clearing(_ places: [Bool], axis: Int, to blank: Tensor? = nil) -> Tensor {
        let inner = elementType.bitWidth / 8 * Shape(Array(shape[(axis + 1)...])).elementCount
        let outer = Shape(Array(shape[..<axis])).elementCount
        let blanks = blank.map { $0.withUnsafeBytes { Array($0) } }
        var result = self
        result.withUnsafeMutableBytes { bytes in
            for row in 0..<outer {
                for place in places.indices where places[place] {
                    let start = (row * places.count + place) * inner
                    for offset in start..<(start + inner) { bytes[offset] = blanks?[offset] ?? 0 }
                }
            }
        }
        return result
    }
}
