import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Writes lists of extents anew for single readers: the target shapes of Reshape, the sizes of Split.
struct ExtentLists {
    private let graph: Graph
    private let index: GraphIndex
    private var names: FreshNames

    init(_ graph: Graph) {
        self.graph = graph
        index = GraphIndex(graph)
        names = FreshNames(graph)
    }

    /// A list for `node` that is `list` with other numbers at these places. Constants are copied, a Concat of lists with them;
    /// any other list is put together from its own elements and the new numbers.
    mutating func list(_ list: ValueName, with numbers: [Int: Int], for node: Node, _ edit: inout GraphEdit) throws -> ValueName {
        if let constant = graph.initializers[list] {
            let values = constant.integers().enumerated().map { numbers[$0.offset] ?? $0.element }
            return add(values, shape: constant.shape, constant.elementType, node, &edit)
        }
        let elements = graph.infos[list]?.countedExtents ?? []
        let type = graph.infos[list]?.elementType ?? .int64
        if let concat = index.producer(of: list), concat.op is Concat {
            var changed = concat
            var start = 0
            for (position, part) in concat.inputs.enumerated() {
                let count = graph.infos[part]?.countedExtents?.count ?? 0
                let own = numbers.filter { (start..<(start + count)).contains($0.key) }
                if !own.isEmpty {
                    let shifted = Dictionary(uniqueKeysWithValues: own.map { ($0.key - start, $0.value) })
                    changed.inputs[position] = try self.list(part, with: shifted, for: node, &edit)
                }
                start += count
            }
            return add(changed.op, changed.inputs, node, &edit)
        }
        var parts: [ValueName] = []
        for position in elements.indices {
            if let number = numbers[position] {
                parts.append(add([number], shape: [1], type, node, &edit))
            } else {
                let place = add([position], shape: [1], .int64, node, &edit)
                parts.append(add(Gather(), [list, place], node, &edit))
            }
        }
        return add(Concat(axis: 0), parts, node, &edit)
    }

    private mutating func add(
        _ values: [Int], shape: Shape, _ type: ElementType, _ node: Node, _ edit: inout GraphEdit
    ) -> ValueName {
        let name = names.value("\(node.name).extents")
        edit.initializers.append((name, Tensor(values.map(Double.init), shape: shape, as: type)))
        return name
    }

    private mutating func add(_ op: any Operator, _ inputs: [ValueName], _ node: Node, _ edit: inout GraphEdit) -> ValueName {
        let name = names.value("\(node.name).extents")
        edit.addedNodes.append(Node(name: names.node("\(node.name).extents"), op: op, inputs: inputs, outputs: [name]))
        return name
    }
}
