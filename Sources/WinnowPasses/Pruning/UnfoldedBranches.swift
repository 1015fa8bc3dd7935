import WinnowGraph
import WinnowOperators
import WinnowTensor

/// A graph whose If nodes are spread out: the nodes of both branches stand among the others, and `Where` chooses among their outputs.
///
/// It computes what the graph computes wherever both branches can be run, and whatever couples channels across the borders of
/// branches is an ordinary edge. `folding` puts the branches back.
struct UnfoldedBranches {
    /// One If node.
    private struct Fork {
        var node: Node
        /// The branch that it stands in.
        var place: [Int]
        /// The nodes that choose its outputs.
        var choices: [String]
        var branches: [Graph]
    }

    private(set) var graph: Graph
    private var forks: [Fork] = []
    /// The branch of each node that lies in one, as twice the number of its fork, plus one for `else`, within those around it.
    private var places: [String: [Int]] = [:]
    private var initializerPlaces: [ValueName: [Int]] = [:]
    /// What values and nodes were called in their branches.
    private var values: [ValueName: ValueName] = [:]
    private var names: [String: String] = [:]
    private var nodes: [Node] = []
    private var initializers: [(name: ValueName, tensor: Tensor)] = []
    private var takenValues: Set<ValueName>
    private var takenNodes: Set<String>

    /// - Parameter leavesAlone: nothing is spread out.
    init(_ graph: Graph, leavesAlone: Bool = false) throws {
        self.graph = graph
        takenValues = Set(graph.infos.keys)
        takenNodes = Set(graph.nodes.map(\.name))
        guard !leavesAlone else { return }
        for node in graph.nodes { try add(node, of: graph, at: []) }
        guard !forks.isEmpty else { return }
        self.graph = try Graph(
            name: graph.name, inputs: graph.inputs, outputs: graph.outputs, nodes: nodes,
            initializers: graph.namedInitializers + initializers, updates: graph.updates, captures: graph.captures,
            metadata: graph.metadata)
    }

    var isSame: Bool { forks.isEmpty }

    private mutating func add(_ node: Node, of graph: Graph, at place: [Int]) throws {
        let branches = try (node.op as? If).map { fork in try [fork.thenBranch, fork.elseBranch].map { try $0.knowing(graph.infos) } }
        guard let branches, let condition = node.input(0), Self.canUnfold(node, branches, in: graph) else {
            nodes.append(node)
            places[node.name] = place
            return
        }
        let number = forks.count
        forks.append(Fork(node: node, place: place, choices: [], branches: branches))
        var results: [[ValueName]] = []
        for (side, branch) in branches.enumerated() {
            let inner = place + [2 * number + side]
            let own = Set(branch.infos.keys).subtracting(branch.captures.keys)
            var renamed: [ValueName: ValueName] = [:]
            for name in own.sorted() { renamed[name] = Self.take(name, &takenValues) }
            let flat = try branch.renamingValues(renamed.filter { $0.key != $0.value })
            for (name, other) in renamed { values[other] = name }
            for (name, tensor) in flat.namedInitializers {
                initializers.append((name, tensor))
                initializerPlaces[name] = inner
            }
            for var child in flat.nodes {
                let name = Self.take(child.name, &takenNodes)
                names[name] = child.name
                child.name = name
                try add(child, of: flat, at: inner)
            }
            results.append(flat.outputs)
        }
        for (index, output) in node.outputs.enumerated() where !output.isEmpty {
            let name = Self.take("\(node.name).choice", &takenNodes)
            forks[number].choices.append(name)
            places[name] = place
            nodes.append(Node(name: name, op: Where(), inputs: [condition, results[0][index], results[1][index]], outputs: [output]))
        }
    }

    /// Whether `Where` chooses as the node does: one condition, and outputs of the same extents.
    private static func canUnfold(_ node: Node, _ branches: [Graph], in graph: Graph) -> Bool {
        guard let condition = graph.infos[node.inputs[0]], condition.rank == 0, condition.constant == nil,
            branches.allSatisfy({ $0.inputs.isEmpty && $0.updates.isEmpty })
        else { return false }
        return !node.outputs.isEmpty && node.outputs.indices.allSatisfy { index in
            let infos = branches.map { $0.infos[$0.outputs[index]] }
            guard let first = infos[0], let second = infos[1], first.type.isTensor, first.elementType == second.elementType,
                let extents = first.extents, extents == second.extents
            else { return false }
            return !extents.contains(.unknown) && !node.outputs[index].isEmpty
        }
    }

    private static func take(_ wanted: String, _ taken: inout Set<String>) -> String {
        var (name, number) = (wanted, 1)
        while !taken.insert(name).inserted { (name, number) = ("\(wanted)_\(number)", number + 1) }
        return name
    }
}

extension UnfoldedBranches {
    /// A changed form of the graph with the branches put back: what was added goes where it is read.
    func folding(_ changed: Graph) throws -> Graph {
        guard !isSame else { return changed }
        return try Folding(self, changed).folded()
    }

    /// A name as a report has it: what lies in a branch behind the names of the nodes around it.
    func path(of name: String) -> String {
        let place = places[name] ?? initializerPlaces[name] ?? []
        let around = place.map { forks[$0 / 2].node.name }.map { names[$0] ?? $0 }
        return (around + [names[name] ?? values[name] ?? name]).joined(separator: "/")
    }

    private struct Folding {
        let unfolded: UnfoldedBranches
        let changed: Graph
        private var places: [String: [Int]] = [:]
        private var initializerPlaces: [ValueName: [Int]] = [:]
        /// By the name of a choice its fork.
        private var choices: [String: Int] = [:]

        init(_ unfolded: UnfoldedBranches, _ changed: Graph) {
            self.unfolded = unfolded
            self.changed = changed
            for (number, fork) in unfolded.forks.enumerated() { for name in fork.choices { choices[name] = number } }
            var readers: [ValueName: [Int]] = [:]
            func read(_ value: ValueName, at place: [Int]) {
                readers[value] = readers[value].map { Array(zip($0, place).prefix { $0 == $1 }.map(\.0)) } ?? place
            }
            for output in changed.outputs { read(output, at: []) }
            for node in changed.nodes.reversed() {
                let around = node.outputs.compactMap { readers[$0] }.reduce(nil as [Int]?) { sum, other in
                    sum.map { Array(zip($0, other).prefix { $0 == $1 }.map(\.0)) } ?? other
                }
                let place = unfolded.places[node.name] ?? around ?? []
                places[node.name] = place
                for (position, value) in node.inputs.enumerated() {
                    // The values of a choice are outputs of branches.
                    let inner = position > 0 ? choices[node.name].map { [2 * $0 + position - 1] } ?? [] : []
                    read(value, at: place + inner)
                }
                for value in node.op.capturedValues { read(value, at: place) }
            }
            for name in changed.initializerNames { initializerPlaces[name] = unfolded.initializerPlaces[name] ?? readers[name] ?? [] }
        }

        func folded() throws -> Graph {
            try Graph(
                name: changed.name, inputs: changed.inputs, outputs: changed.outputs, nodes: nodes(at: []),
                initializers: initializers(at: []), updates: changed.updates, captures: changed.captures, metadata: changed.metadata)
        }

        private func initializers(at place: [Int]) -> [(name: ValueName, tensor: Tensor)] {
            changed.namedInitializers.filter { initializerPlaces[$0.name] == place }
        }

        /// The nodes of a branch, with an If in the place of its choices.
        private func nodes(at place: [Int]) throws -> [Node] {
            var seen: Set<Int> = []
            return try changed.nodes.compactMap { node in
                guard places[node.name] == place else { return nil }
                guard let number = choices[node.name] else {
                    return Node(
                        name: unfolded.names[node.name] ?? node.name, op: node.op, inputs: node.inputs, outputs: node.outputs,
                        notes: node.notes)
                }
                guard seen.insert(number).inserted else { return nil }
                let fork = unfolded.forks[number]
                let choices = fork.choices.compactMap { changed.node(named: $0) }
                let op = If(
                    then: try branch(place + [2 * number], outputs: choices.map { $0.inputs[1] }, fork.branches[0]),
                    else: try branch(place + [2 * number + 1], outputs: choices.map { $0.inputs[2] }, fork.branches[1]))
                return Node(
                    name: unfolded.names[fork.node.name] ?? fork.node.name, op: op, inputs: [choices[0].inputs[0]],
                    outputs: choices.map { $0.outputs[0] }, notes: fork.node.notes)
            }
        }

        private func branch(_ place: [Int], outputs: [ValueName], _ original: Graph) throws -> Graph {
            let (nodes, initializers) = (try nodes(at: place), initializers(at: place))
            let made = Set(nodes.flatMap(\.outputs) + initializers.map(\.name))
            let read = Set(nodes.flatMap { $0.inputs + $0.op.capturedValues } + outputs).subtracting(made).subtracting([""])
            var captures: [ValueName: ValueType] = [:]
            for name in read { captures[name] = changed.infos[name]?.type }
            var metadata = original.metadata
            metadata.outputTypes = [:]
            let flat = try Graph(
                name: original.name, inputs: [], outputs: outputs, nodes: nodes, initializers: initializers, captures: captures,
                metadata: metadata)
            let back = made.reduce(into: [:]) { back, name in back[name] = unfolded.values[name] }
            return try flat.renamingValues(back.filter { $0.key != $0.value })
        }
    }
}
