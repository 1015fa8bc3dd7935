import WinnowGraph
import WinnowOperators
import WinnowTensor

/// A graph whose If nodes are spread out: the nodes of both branches stand among the others, and `Where` chooses among their outputs. So do
/// those of the bodies of Loop and Scan, between a `BodyEntrance` for each input and a `BodyExit`.
///
/// It computes what the graph computes wherever both branches can be run, if nothing in it is repeated, and whatever couples channels across
/// the borders of branches and bodies is an ordinary edge. `folding` puts them back.
struct UnfoldedBranches {
    /// One If, Loop or Scan.
    struct Fork {
        var node: Node
        /// The branch that it stands in.
        var place: [Int]
        /// The nodes that choose its outputs, or those that collect them.
        var choices: [String]
        var branches: [Graph]
        /// nil for If.
        var repeated: RepeatedBody?
    }

    private(set) var graph: Graph
    private(set) var forks: [Fork] = []
    /// The branch of each node that lies in one, as twice the number of its fork, plus one for `else`, within those around it.
    private(set) var places: [String: [Int]] = [:]
    private(set) var initializerPlaces: [ValueName: [Int]] = [:]
    /// What values and nodes were called in their branches.
    private(set) var values: [ValueName: ValueName] = [:]
    private(set) var names: [String: String] = [:]
    private var nodes: [Node] = []
    private var initializers: [(name: ValueName, tensor: Tensor)] = []
    private var takenValues: Set<ValueName>
    private var takenNodes: Set<String>
    /// The nodes that stand for borders of what is repeated.
    private(set) var borders: Set<String> = []
    private let repeats: Bool

    /// - Parameters:
    ///   - leavesAlone: nothing is spread out.
    ///   - repeats: Loop and Scan are, too; then nothing can be run.
    init(_ graph: Graph, leavesAlone: Bool = false, repeats: Bool = true) throws {
        self.graph = graph
        self.repeats = repeats
        takenValues = Set(graph.infos.keys)
        for name in graph.initializerNames { initializerPlaces[name] = [] }
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

    /// Whether it can be run.
    var canRun: Bool { !forks.contains { $0.repeated != nil } }

    private mutating func add(_ node: Node, of graph: Graph, at place: [Int]) throws {
        if repeats, node.op is any RepeatingOperator, let body = try RepeatedBody(node, in: graph, GraphIndex(graph)) {
            return try add(body, of: graph, at: place)
        }
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
            results.append(try add(branch, at: place + [2 * number + side]).outputs)
        }
        for (index, output) in node.outputs.enumerated() where !output.isEmpty {
            let name = Self.take("\(node.name).choice", &takenNodes)
            forks[number].choices.append(name)
            places[name] = place
            nodes.append(Node(name: name, op: Where(), inputs: [condition, results[0][index], results[1][index]], outputs: [output]))
        }
    }

    /// Puts the nodes and constants of a branch among the others; gives it with the names that its values have there.
    private mutating func add(_ branch: Graph, at place: [Int]) throws -> Graph {
        let flat = try renamed(branch)
        try addContents(of: flat, at: place)
        return flat
    }

    private mutating func renamed(_ branch: Graph) throws -> Graph {
        let own = Set(branch.infos.keys).subtracting(branch.captures.keys)
        var renamed: [ValueName: ValueName] = [:]
        for name in own.sorted() { renamed[name] = Self.take(name, &takenValues) }
        for (name, other) in renamed { values[other] = name }
        return try branch.renamingValues(renamed.filter { $0.key != $0.value })
    }

    private mutating func addContents(of flat: Graph, at place: [Int]) throws {
        for (name, tensor) in flat.namedInitializers {
            initializers.append((name, tensor))
            initializerPlaces[name] = place
        }
        for var child in flat.nodes {
            let name = Self.take(child.name, &takenNodes)
            names[name] = child.name
            child.name = name
            try add(child, of: flat, at: place)
        }
    }

    /// Puts a repeated body between the nodes that stand for its borders.
    private mutating func add(_ body: RepeatedBody, of graph: Graph, at place: [Int]) throws {
        let (node, number, flat) = (body.node, forks.count, try renamed(body.graph))
        forks.append(Fork(node: node, place: place, choices: [], branches: [flat], repeated: body))
        let run = Self.take("\(node.name).run", &takenValues)
        addBorder("run", of: node, at: place, BodyEntrance(.number(ValueType(.float32, [])), of: node), [], [run])
        for (index, input) in flat.inputs.enumerated() {
            addBorder("entrance", of: node, at: place, BodyEntrance(body.entrances[index], of: node), [node.inputs[index], run], [input.name])
        }
        try addContents(of: flat, at: place + [2 * number])
        let given = (body.states.map(\.output) + body.others).map { flat.outputs[$0] }
        let finals = body.states.indices.map { node.output($0) ?? Self.take("\(node.name).state", &takenValues) }
        let done = Self.take("\(node.name).done", &takenValues)
        borders.insert(node.name)
        places[node.name] = place
        nodes.append(
            Node(name: node.name, op: BodyExit(of: node, states: body.states.map(\.input)), inputs: node.inputs + given, outputs: finals + [done]))
        for (index, axis) in body.paths.enumerated() {
            let output = node.outputs[node.outputs.count - body.paths.count + index]
            let length = graph.infos[output]?.extents?[axis] ?? .unknown
            let value = flat.outputs[flat.outputs.count - body.paths.count + index]
            forks[number].choices.append(
                addBorder("collection", of: node, at: place, BodyCollection(of: node, axis: axis, length: length), [value, done], [output]))
        }
    }

    @discardableResult
    private mutating func addBorder(
        _ kind: String, of node: Node, at place: [Int], _ op: any Operator, _ inputs: [ValueName], _ outputs: [ValueName]
    ) -> String {
        let name = Self.take("\(node.name).\(kind)", &takenNodes)
        borders.insert(name)
        places[name] = place
        nodes.append(Node(name: name, op: op, inputs: inputs, outputs: outputs))
        return name
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
}
