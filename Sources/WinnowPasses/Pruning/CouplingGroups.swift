package import WinnowGraph
import WinnowTensor

/// Axes that must lose the same channels together, derived from the operators' axis maps alone.
///
/// Every axis of every value belongs to a class; equal labels in a node's map unite classes. A product or concatenation
/// such as `(chw)` is a class composed of others: removing channel c removes all its places there. An axis that some
/// operator does not explain, or that callers see, is protected.
package struct CouplingGroups: Sendable {
    /// One axis of one value.
    package struct Member: Hashable, Sendable {
        package var value: ValueName
        package var axis: Int
    }

    /// Channels that live and die together.
    package struct Group: Sendable {
        package let id: Int
        package let channelCount: Int
        /// The axes whose index is the channel itself.
        package let members: [Member]
        /// Why no channel may be removed; nil if it may.
        package let protection: String?
    }

    package private(set) var groups: [Group] = []
    private var classes = AxisClasses()
    private var ids: [Member: Int] = [:]

    package init(_ graph: Graph) throws {
        let infos = try graph.inferInfos(inputTypes: graph.fixedInputTypes)
        for input in graph.inputs {
            protect(input.name, infos[input.name], "the model's input \(input.name) has this axis")
        }
        for node in graph.nodes {
            add(node, infos)
            for name in node.op.capturedValues { protect(name, infos[name], "a body of \(node.name) (\(node.op.type)) has this axis") }
        }
        for output in graph.outputs { protect(output, infos[output], "the model's output \(output) has this axis") }
        classes.settle()
        collect()
    }

    private mutating func id(_ value: ValueName, _ axis: Int, extent: Int?) -> Int {
        let member = Member(value: value, axis: axis)
        if let id = ids[member] { return id }
        let id = classes.add(extent: extent)
        ids[member] = id
        return id
    }

    private mutating func protect(_ value: ValueName, _ info: ValueInfo?, _ reason: String) {
        for (axis, extent) in (info?.extents ?? []).enumerated() {
            classes.protect(id(value, axis, extent: extent.value), reason)
        }
    }

    private mutating func add(_ node: Node, _ infos: [ValueName: ValueInfo]) {
        let inputs = node.inputs.map { $0.isEmpty ? nil : infos[$0] }
        let outputs = node.outputs.map { $0.isEmpty ? nil : infos[$0] }
        let map = node.op.axes(for: inputs)
        let operands = zip(node.inputs + node.outputs, inputs + outputs).filter { !$0.0.isEmpty }
        let terms = Array(zip(node.inputs, map.inputs)) + Array(zip(node.outputs, map.outputs))
        let described = Set(terms.map(\.0))
        let extents = map.solve(
            inputs: Self.shapes(inputs, map.inputs.count), outputs: Self.shapes(outputs, map.outputs.count))
        let why = "\(node.name) (\(node.op.type)) does not tell what it does to this axis"
        guard let extents else {
            for (name, info) in operands { protect(name, info, why) }
            return
        }
        var labels: [Character: Int] = [:]
        func label(_ character: Character) -> Int {
            if let id = labels[character] { return id }
            let id = classes.add(extent: extents[character])
            labels[character] = id
            if map.extents[character] != nil { classes.protect(id, "\(node.name) fixes its number") }
            return id
        }
        for (name, axisTerms) in terms where !name.isEmpty {
            guard let own = infos[name]?.extents, own.count == axisTerms.count else {
                // An operand whose map lists nothing is a scalar or holds no axis of the data (shapes, limits).
                if !axisTerms.isEmpty || (infos[name]?.elementType.isFloatingPoint ?? true) {
                    protect(name, infos[name], why)
                }
                continue
            }
            for (axis, term) in axisTerms.enumerated() {
                let axisID = id(name, axis, extent: own[axis].value)
                switch term {
                case .label(let character): classes.unite(axisID, label(character))
                case .product(let parts): classes.compose(axisID, .product, of: parts.map(label))
                case .concatenation(let parts): classes.compose(axisID, .concatenation, of: parts.map(label))
                case .opaque: classes.protect(axisID, why)
                case .one: break
                }
            }
        }
        for (name, info) in operands where !described.contains(name) { protect(name, info, why) }
    }

    private static func shapes(_ infos: [ValueInfo?], _ count: Int) -> [[Int]?] {
        (0..<count).map { $0 < infos.count ? infos[$0]?.shape?.extents : nil }
    }

    private mutating func collect() {
        var members: [Int: [Member]] = [:]
        for (member, id) in ids { members[classes.root(of: id), default: []].append(member) }
        for (root, list) in members where !classes.isComposed(root) {
            guard let extent = classes.extent(of: root), extent > 1 else { continue }
            let sorted = list.sorted { ($0.value, $0.axis) < ($1.value, $1.axis) }
            groups.append(
                Group(id: root, channelCount: extent, members: sorted, protection: classes.protection(of: root)))
        }
        groups.sort { ($0.members.first?.value ?? "", $0.id) < ($1.members.first?.value ?? "", $1.id) }
    }

    /// Which places along an axis disappear when these channels of these groups do; nil if none does.
    package func removedPlaces(of value: ValueName, axis: Int, removing channels: [Int: Set<Int>]) -> [Bool]? {
        guard let id = ids[Member(value: value, axis: axis)] else { return nil }
        let places = classes.removed(id, channels)
        return places?.contains(true) == true ? places : nil
    }

    /// The group that an axis indexes directly, or the one whose channels it is composed of if there is only one.
    package func group(of value: ValueName, axis: Int) -> Group? {
        guard let id = ids[Member(value: value, axis: axis)] else { return nil }
        let leaves = classes.leaves(of: id).compactMap { leaf in groups.first { $0.id == leaf } }
        let open = leaves.filter { $0.protection == nil }
        return open.count == 1 ? open[0] : leaves.first
    }
}

extension Graph {
    /// The input types with 2 in place of every symbol, so that all extents are numbers and none is taken for broadcast.
    fileprivate var fixedInputTypes: [ValueName: ValueType] {
        Dictionary(
            inputs.map { input in
                (
                    input.name,
                    ValueType(input.type.elementType, input.type.extents.map { $0.map { .fixed($0.value ?? 2) } })
                )
            }, uniquingKeysWith: { first, _ in first })
    }
}
