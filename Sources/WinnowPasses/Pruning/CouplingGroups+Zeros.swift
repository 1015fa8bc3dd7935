import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Channels that are gone compute what channels of zeros compute only where zeros arrive: a sum ignores them, the sum of
/// their exponentials does not.
extension CouplingGroups {
    /// Follows what masked channels become and protects those that are summed over although they are not zero.
    mutating func protectSums(in graph: Graph) {
        let constants = Set(graph.constantOrigins.keys)
        let blank = Set(graph.initializers.filter { $1.elementType.isFloatingPoint && $1.isZero }.keys)
        while true {
            var pass = ZeroPass(self, graph, constants, blank)
            pass.run()
            zeros = pass.zeros
            if pass.unmaskable == unmaskable {
                for (leaf, reason) in pass.failures { classes.protect(leaf, reason) }
                return
            }
            unmaskable = pass.unmaskable
        }
    }
}

/// One pass over the nodes.
private struct ZeroPass {
    private let groups: CouplingGroups
    private let graph: Graph
    private let index: GraphIndex
    private let constants: Set<ValueName>
    private(set) var zeros: [ValueName: Set<Int>] = [:]
    private(set) var unmaskable: [ValueName: Set<Int>]
    private(set) var failures: [Int: String] = [:]
    private var leaves: [ValueName: Set<Int>] = [:]
    /// Constants without a number that is not zero.
    private let blank: Set<ValueName>
    private let codes: [ValueName: StoredCodes]

    init(_ groups: CouplingGroups, _ graph: Graph, _ constants: Set<ValueName>, _ blank: Set<ValueName>) {
        self.groups = groups
        self.graph = graph
        index = GraphIndex(graph)
        self.constants = constants
        unmaskable = groups.unmaskable
        self.blank = blank
        codes = graph.storedCodes
    }

    mutating func run() {
        for name in graph.initializerNames where graph.initializers[name]?.elementType.isFloatingPoint ?? false || codes[name] != nil {
            zeros[name] = openLeaves(of: name).subtracting(unmaskable[name] ?? [])
        }
        for bound in groups.nodes { follow(bound) }
    }

    /// The leaf classes of a value whose channels may be removed.
    private mutating func openLeaves(of value: ValueName) -> Set<Int> {
        if let known = leaves[value] { return known }
        let open = groups.leaves(of: value).filter { groups.classes.protection(of: $0) == nil && groups.classes.extent(of: $0) ?? 0 > 1 }
        leaves[value] = open
        return open
    }

    private mutating func follow(_ bound: CouplingGroups.BoundNode) {
        let node = bound.node
        let open = node.inputs.map { $0.isEmpty ? [] : openLeaves(of: $0) }
        let made = node.outputs.map { $0.isEmpty ? [] : openLeaves(of: $0) }
        let isConstant = node.outputs.contains { constants.contains($0) }
        let zero = node.inputs.indices.map { isConstant ? zeros[node.inputs[$0]] ?? [] : arriving(node.inputs[$0]) }
        let summed = leaves(of: bound.map.summedLabels.subtracting(bound.map.summed), bound)
        let seen = leaves(of: bound.map.summed, bound)
        var effects: [[Int]: ZeroEffect] = [:]
        for leaf in Set((open + made).joined()).sorted() {
            let indices = node.inputs.indices.filter { zero[$0].contains(leaf) || blank.contains(node.inputs[$0]) }
            let bearers = node.inputs.indices.filter { open[$0].contains(leaf) }
            let effect = effects[indices + [-1] + bearers]
                ?? node.op.effect(of: Zeros(at: Set(indices), of: Set(bearers), inputs: bound.inputs))
            effects[indices + [-1] + bearers] = effect
            if summed.contains(leaf) && indices.isEmpty || seen.contains(leaf) && effect != .zero {
                failures[leaf] = failures[leaf] ?? "\(node.name) (\(node.op.type)) sums over it, and what it sums is not 0"
            }
            switch effect {
            case .number: break
            case .zero: for output in node.outputs where openLeaves(of: output).contains(leaf) { zeros[output, default: []].insert(leaf) }
            case .undefined: keep(leaf, of: indices.map { node.inputs[$0] }, node)
            }
        }
    }

    /// Where a value is zero when data meets it: constants are masked there if they are not by themselves.
    private mutating func arriving(_ value: ValueName) -> Set<Int> {
        guard constants.contains(value), graph.infos[value]?.elementType.isFloatingPoint ?? false else { return zeros[value] ?? [] }
        return openLeaves(of: value).subtracting(unmaskable[value] ?? [])
    }

    private func leaves(of labels: Set<Character>, _ bound: CouplingGroups.BoundNode) -> Set<Int> {
        Set(labels.compactMap { bound.labels[$0] }.flatMap { groups.classes.leaves(of: $0) })
    }

    /// Notes that a zero there would divide something: constants stay as they are, computed values keep their channels.
    private mutating func keep(_ leaf: Int, of values: [ValueName], _ node: Node) {
        let sources = values.filter { constants.contains($0) }
        if sources.isEmpty { failures[leaf] = failures[leaf] ?? "\(node.name) (\(node.op.type)) cannot take zeros" }
        for value in sources {
            for name in index.constantSources(of: value).union([value]) { unmaskable[name, default: []].insert(leaf) }
        }
    }
}
