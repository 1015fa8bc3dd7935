package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Axes that must lose the same channels together, derived from the operators' axis maps alone.
///
/// Every axis of every value belongs to a class; equal labels in a node's map unite classes. A product or concatenation
/// such as `(chw)` is a class composed of others: removing channel c removes all its places there. What is not known is
/// protected: axes that some operator does not explain or that callers see, sums over channels that are not zero when they
/// are masked, and numbers of channels that are computed with.
package struct CouplingGroups: Sendable {
    /// One axis of one value; counted from the end (−1) where its rank is not known.
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

    /// One node whose axes are known, bound to classes.
    struct BoundNode: Sendable {
        var node: Node
        var map: AxisMap
        var inputs: [ValueInfo?]
        /// The class of each label.
        var labels: [Character: Int]
        /// The classes that the elements of an input count.
        var counts: [Int: [Int?]] = [:]
        /// Labels over which a mean is taken that stays what it is where channels of zeros go: it counts them.
        var averages: Set<Character> = []
    }

    package internal(set) var groups: [Group] = []
    var classes = AxisClasses()
    var nodes: [BoundNode] = []
    /// What is known of the elements of integer lists, extents named after the classes that they count.
    var lists: [ValueName: ValueInfo] = [:]
    /// Where masking a channel does not make a constant zero: by value the leaf classes.
    var unmaskable: [ValueName: Set<Int>] = [:]
    /// The leaf classes at whose masked channels a value is zero.
    var zeros: [ValueName: Set<Int>] = [:]
    let infos: [ValueName: ValueInfo]
    /// Values of which nothing may change.
    private var sealed: [ValueName: String] = [:]
    /// Reasons that follow from what callers see of the model and from mathematics: nothing is amiss where they hold.
    var soundReasons: Set<String> = []
    private var ids: [ValueName: [Int: Int]] = [:]

    /// - Parameters:
    ///   - standardOnly: leave alone what operators outside ONNX's own domain read or make.
    ///   - isBody: whether the graph is the body of a node.
    package init(_ graph: Graph, standardOnly: Bool = true, isBody: Bool = false) {
        infos = graph.infos
        let index = GraphIndex(graph)
        let owner = isBody ? "body" : "model"
        for input in graph.inputs { sealInterface(input.name, "the \(owner)'s input \(input.name) has this axis") }
        for name in graph.captures.keys.sorted() { sealInterface(name, "\(name) of the graph around has this axis") }
        for node in graph.nodes {
            add(node, in: index, standardOnly: standardOnly)
            for name in node.op.capturedValues { seal(name, "a body of \(node.name) (\(node.op.type)) has this axis") }
        }
        for output in graph.outputs { sealInterface(output, "the \(owner)'s output \(output) has this axis") }
        classes.settle()
        protectStatistics(in: index)
        classes.settle()
        protectSums(in: graph)
        classes.settle()
        collect()
    }

    /// The class of an axis.
    private mutating func id(_ value: ValueName, _ axis: Int) -> Int {
        if let id = ids[value]?[axis] { return id }
        let extents = infos[value]?.extents
        let id = classes.add(extent: axis >= 0 ? extents?[axis].value : nil)
        ids[value, default: [:]][axis] = id
        if let reason = sealed[value] { classes.protect(id, reason) }
        if axis < -1 { classes.protect(id, "the rank of \(value) is not known") }
        return id
    }

    /// Protects all axes of a value, those that are met later too, and all axes whose extents it holds.
    private mutating func seal(_ value: ValueName, _ reason: String) {
        guard sealed.updateValue(reason, forKey: value) == nil else { return }
        for axis in (infos[value]?.extents ?? []).indices { _ = id(value, axis) }
        for id in (ids[value] ?? [:]).values { classes.protect(id, reason) }
        protectCounted(by: [value], reason)
    }

    private mutating func sealInterface(_ value: ValueName, _ reason: String) {
        soundReasons.insert(reason)
        seal(value, reason)
    }

    /// Why nothing of a value may change.
    func seal(of value: ValueName) -> String? { sealed[value] }

    private mutating func add(_ node: Node, in index: GraphIndex, standardOnly: Bool) {
        let inputs = node.inputs.map { $0.isEmpty ? nil : infos[$0] }
        let map = node.op.axes(for: inputs)
        let operands = (node.inputs + node.outputs).filter { !$0.isEmpty }
        let why = "\(node.name) (\(node.op.type)) does not tell what it does to this axis"
        guard !standardOnly || node.op.type.domain.isEmpty else {
            for name in operands { seal(name, "\(node.name) (\(node.op.type)) is outside the ONNX standard") }
            return
        }
        let extents = map.solve(
            inputs: inputs.map { $0?.extents?.map(\.value) },
            outputs: node.outputs.map { $0.isEmpty ? nil : infos[$0]?.extents?.map(\.value) })
        guard let extents else {
            for name in operands { seal(name, why) }
            return
        }
        var bound = BoundNode(node: node, map: map, inputs: inputs, labels: [:])
        for label in map.inputLabels.union(map.outputLabels).sorted() {
            bound.labels[label] = addLabel(label, of: bound, extent: extents[label], why)
        }
        let terms = bound.inputTerms + bound.outputTerms
        // An operator that computes, and tells its other axes, takes this one as a whole: a normalization, a softmax.
        let whole = Self.wholeReason(node)
        let isWhole = !bound.labels.isEmpty && node.op.quantization != .keepsScale
        if isWhole { soundReasons.insert(whole) }
        for (name, terms) in zip(node.inputs + node.outputs, terms) where !name.isEmpty {
            bind(name, terms, bound.labels, opaque: isWhole ? whole : why, why)
        }
        for (position, name) in node.outputs.enumerated() where position < map.outputs.count && map.outputCounts[position] == nil {
            // Of an output of opaque axes alone not even the elements that stay are known to stay the same.
            let terms = map.outputs[position]
            guard !terms.isEmpty, terms.allSatisfy({ $0 == .opaque }), index.isRead(name) else { continue }
            for id in bound.labels.values { classes.protect(id, why) }
        }
        select(bound)
        if !map.largest.isEmpty, !index.isNeverNegative(node.input(0)) {
            for id in map.largest.compactMap({ bound.labels[$0] }) { classes.protect(id, whole) }
        }
        count(&bound, why)
        nodes.append(bound)
    }

    static func wholeReason(_ node: Node) -> String { "\(node.name) (\(node.op.type)) computes over all of this axis" }

    private mutating func addLabel(_ label: Character, of bound: BoundNode, extent: Int?, _ why: String) -> Int {
        let (map, node) = (bound.map, bound.node)
        let id = classes.add(extent: extent)
        let isMade = !map.inputLabels.contains(label) && !map.inputCounts.values.contains { $0.contains { $0.labels.contains(label) } }
        if map.pinned.contains(label) || isMade { classes.protect(id, why) }
        if map.extents[label] != nil, node.op.resized(map.extents, for: bound.inputs) == nil {
            classes.protect(id, "\(node.name) (\(node.op.type)) fixes its number")
        }
        return id
    }

    private mutating func bind(
        _ value: ValueName, _ terms: [AxisTerm]?, _ labels: [Character: Int], opaque: String, _ why: String
    ) {
        let rank = infos[value]?.rank
        guard let terms, !terms.isEmpty || rank == 0, let placed = terms.placed(onRank: rank) else { return seal(value, why) }
        for (axis, term) in placed {
            let axisID = id(value, axis)
            switch term {
            case .label, .product, .concatenation: unite(axisID, term, labels, why)
            case .opaque, .rest: classes.protect(axisID, opaque)
            case .one: break
            }
        }
    }

    private mutating func unite(_ id: Int, _ term: AxisTerm, _ labels: [Character: Int], _ why: String) {
        switch term {
        case .label(let label): if let other = labels[label] { classes.unite(id, other) }
        case .product(let parts), .concatenation(let parts):
            let kind: AxisClasses.Composition = term.isProduct ?? true ? .product : .concatenation
            var ids = parts.map { self.id(of: $0, labels, why) }
            // What nothing is promised of is what the others leave.
            for index in ids.indices where ids[index] == nil {
                let part = classes.add(extent: classes.quotient(of: id, by: ids.compactMap { $0 }))
                classes.protect(part, why)
                ids[index] = part
            }
            classes.compose(id, kind, of: ids.compactMap { $0 })
        case .opaque, .one, .rest: break
        }
    }

    /// The class that a term stands for; nil for terms that stand for none.
    mutating func id(of term: AxisTerm, _ labels: [Character: Int], _ why: String) -> Int? {
        guard !term.labels.isEmpty else { return nil }
        if case .label(let label) = term { return labels[label] }
        let extent = term.extent(labels.compactMapValues { classes.extent(of: $0) })
        let id = classes.add(extent: extent)
        unite(id, term, labels, why)
        return id
    }

    private mutating func collect() {
        var members: [Int: [Member]] = [:]
        for (value, axes) in ids {
            for (axis, id) in axes { members[classes.root(of: id), default: []].append(Member(value: value, axis: axis)) }
        }
        for (root, list) in members where !classes.isComposed(root) { addGroup(root, list) }
        // Parts of composed axes may be axes of no value.
        let parts = Set(members.keys.flatMap { classes.leaves(of: $0) }).subtracting(members.keys)
        for part in parts { addGroup(part, []) }
        groups.sort { ($0.members.first?.value ?? "", $0.id) < ($1.members.first?.value ?? "", $1.id) }
    }

    private mutating func addGroup(_ root: Int, _ members: [Member]) {
        guard let extent = classes.extent(of: root), extent > 1 else { return }
        let sorted = members.sorted { ($0.value, $0.axis) < ($1.value, $1.axis) }
        groups.append(Group(id: root, channelCount: extent, members: sorted, protection: classes.protection(of: root)))
    }
}

extension CouplingGroups {
    /// The class of an axis; nil where none was met.
    func classID(of value: ValueName, axis: Int) -> Int? { ids[value]?[axis] }

    /// The leaf classes of all axes of a value.
    func leaves(of value: ValueName) -> Set<Int> { Set((ids[value] ?? [:]).values.flatMap { classes.leaves(of: $0) }) }

    /// Which places along an axis disappear when these channels of these groups do; nil if none does.
    package func removedPlaces(of value: ValueName, axis: Int, removing channels: [Int: Set<Int>]) -> [Bool]? {
        classID(of: value, axis: axis).flatMap { removedPlaces(ofClass: $0, removing: channels) }
    }

    func removedPlaces(ofClass id: Int, removing channels: [Int: Set<Int>]) -> [Bool]? {
        guard classes.leaves(of: id).contains(where: { channels[$0] != nil }) else { return nil }
        let places = classes.removed(id, channels)
        return places?.contains(true) == true ? places : nil
    }

    /// The group that an axis indexes directly, or the one whose channels it is composed of if there is only one.
    package func group(of value: ValueName, axis: Int) -> Group? {
        guard let id = classID(of: value, axis: axis) else { return nil }
        let leaves = classes.leaves(of: id).compactMap { leaf in groups.first { $0.id == leaf } }
        let open = leaves.filter { $0.protection == nil }
        return open.count == 1 ? open[0] : leaves.first
    }
}

extension [AxisTerm] {
    /// The axes of an operand with their terms; counted from the end where the rank is not known. nil if it has others.
    fileprivate func placed(onRank rank: Int?) -> [(axis: Int, term: AxisTerm)]? {
        if let rank { return aligned(toRank: rank).map { $0.enumerated().map { ($0.offset, $0.element) } } }
        let own = first == .rest ? Array(dropFirst()) : self
        return own.enumerated().map { ($0.offset - own.count, $0.element) }
    }
}
