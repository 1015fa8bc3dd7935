import WinnowGraph
import WinnowOperators
import WinnowTensor

/// A layer that multiplies data with what control flow chooses or makes of a constant, or with rows that are looked up in one in a body: no weight
/// that is stored in another form where it lies.
struct HiddenReading {
    /// The constant, as its own graph names it.
    let tensor: ValueName
    let node: Node
    /// What the layer does, for users.
    let reason: String
}

extension Graph {
    /// What no layer reads as its weight and data is multiplied with all the same, by names of constants; those of bodies with the nodes around them.
    var hiddenReadings: [String: HiddenReading] {
        guard nodes.contains(where: { !$0.op.bodies.isEmpty }) else { return [:] }
        var flow = ConstantFlow()
        _ = flow.follow(self, given: [:], path: "")
        return Dictionary(flow.readings.map { ($0.place, $0.reading) }, uniquingKeysWith: { first, _ in first })
    }
}

extension [Finding] {
    /// The same with the truth about what was kept because data seemed not to be multiplied with it.
    func telling(of readings: [String: HiddenReading], _ selection: Selection) -> [Finding] {
        readings.isEmpty ? self : map { finding in
            guard finding.status == .kept, [Finding.noWeight, Finding.lookedUp].contains(finding.reason), let reading = readings[finding.subject]
            else { return finding }
            let wish = selection.reason(against: reading.tensor, of: reading.node)
            return Finding(finding.subject, wish == nil ? .skipped : .kept, reason: wish ?? reading.reason)
        }
    }
}

/// Follows what is made of constants alone, whatever chooses among them, through control flow to the layers in which it meets data.
private struct ConstantFlow {
    enum Way {
        case chosen(by: String), computed(by: String), lookedUp

        func reason(_ layer: String) -> String {
            switch self {
            case .chosen(let node): "the weight of \(layer) is chosen by \(node)"
            case .computed(let node): "the weight of \(layer) is computed by \(node)"
            case .lookedUp: Finding.lookedUpFirst
            }
        }
    }

    struct Source {
        let tensor: ValueName
        /// With the nodes around it.
        let place: String
        let elementCount: Int
        /// How it comes to be what it is here, where that is more than nodes can undo.
        var way: Way?
    }

    /// A value that is made of constants alone.
    struct Value {
        /// The largest of them; several where one is chosen.
        var sources: [Source] = []
        /// The states of loops that it is made of, if those are made of constants alone.
        var states: Set<String> = []

        func coming(_ way: Way) -> Value {
            var result = self
            for place in sources.indices where sources[place].way == nil { result.sources[place].way = way }
            return result
        }

        var elementCount: Int { sources.map(\.elementCount).max() ?? 0 }
    }

    private(set) var readings: [(place: String, reading: HiddenReading, states: Set<String>)] = []

    /// The values of a graph that are made of constants; of a body those `given` are known.
    mutating func follow(_ graph: Graph, given: [ValueName: Value], path: String) -> [ValueName: Value] {
        var values = given
        for (name, tensor) in graph.initializers {
            let isWeight = tensor.elementType.isFloatingPoint && tensor.rank > 1
            let source = Source(tensor: name, place: path + name, elementCount: tensor.elementCount)
            values[name] = Value(sources: isWeight ? [source] : [])
        }
        for node in graph.nodes {
            note(node, values, path)
            for (name, value) in zip(node.outputs, results(of: node, in: graph, values, path)) where !name.isEmpty { values[name] = value }
        }
        return values
    }

    private mutating func note(_ node: Node, _ values: [ValueName: Value], _ path: String) {
        let places: [Int] =
            switch node.op.quantization {
            case .contraction: [0, 1]
            case .weights(let axes): axes.keys.sorted()
            default: []
            }
        guard node.inputs.prefix(2).contains(where: { values[$0] == nil }) else { return }
        for value in places.compactMap({ node.input($0).flatMap { values[$0] } }) {
            for source in value.sources {
                guard let reason = source.way?.reason(path + node.name) else { continue }
                readings.append((source.place, HiddenReading(tensor: source.tensor, node: node, reason: reason), value.states))
            }
        }
    }

    /// nil for each output that data takes part in.
    private mutating func results(of node: Node, in graph: Graph, _ values: [ValueName: Value], _ path: String) -> [Value?] {
        if let op = node.op as? any RepeatingOperator, node.inputs.count == op.body.inputs.count {
            return results(of: op, node, in: graph, values, "\(path)\(node.name)/")
        }
        guard node.op.bodies.isEmpty else { return resultsOfBranches(of: node, values, "\(path)\(node.name)/") }
        let inputs = node.inputs.filter { !$0.isEmpty }.map { values[$0] }
        let known = inputs.compactMap { $0 }
        if known.count == inputs.count, let largest = known.max(by: { $0.elementCount < $1.elementCount }) {
            let value = Value(sources: largest.sources, states: known.reduce(into: []) { $0.formUnion($1.states) })
            return node.outputs.map { _ in value }
        }
        // Rows that are no matrices are data.
        guard let table = node.lookedUpInput.flatMap({ node.input($0) }), graph.infos[table]?.rank ?? 0 > 2 else { return [] }
        return [values[table]?.coming(.lookedUp)]
    }

    private mutating func resultsOfBranches(of node: Node, _ values: [ValueName: Value], _ path: String) -> [Value?] {
        let results = node.op.bodies.sorted { $0.key < $1.key }.map { _, body -> [Value?] in
            let own = follow(body, given: values.filter { body.captures[$0.key] != nil }, path: path)
            return body.outputs.map { own[$0] }
        }
        guard node.op is If else { return [] }
        return node.outputs.indices.map { place in
            let options = results.compactMap { place < $0.count ? $0[place] : nil }
            guard options.count == results.count else { return nil }
            return Value(sources: options.flatMap(\.sources), states: options.reduce(into: []) { $0.formUnion($1.states) })
                .coming(.chosen(by: node.name))
        }
    }

    private mutating func results(
        of op: any RepeatingOperator, _ node: Node, in graph: Graph, _ values: [ValueName: Value], _ path: String
    ) -> [Value?] {
        let (body, states) = (op.body, op.states)
        func key(_ state: (input: Int, output: Int)) -> String { path + body.inputs[state.input].name }
        var given = values.filter { body.captures[$0.key] != nil }
        for (input, name) in zip(body.inputs, node.inputs).dropFirst(op is Scan ? states.count : states.count + 2)
        where graph.infos[name]?.rank ?? 0 > 2 { given[input.name] = values[name]?.coming(.lookedUp) }
        for state in states {
            var value = values[node.inputs[state.input]]?.coming(.computed(by: node.name))
            value?.states.insert(key(state))
            given[body.inputs[state.input].name] = value
        }
        let before = readings
        let own = follow(body, given: given, path: path)
        // A state that data goes into is data, and so is every state that it goes into.
        var data: Set<String> = []
        func isData(_ state: (input: Int, output: Int)) -> Bool {
            own[body.outputs[state.output]].map { !$0.states.isDisjoint(with: data) } ?? true
        }
        while let next = states.first(where: { !data.contains(key($0)) && isData($0) }) { data.insert(key(next)) }
        readings = before + readings.dropFirst(before.count).filter { $0.states.isDisjoint(with: data) }
        return states.map { state in
            guard !data.contains(key(state)), let first = values[node.inputs[state.input]], let last = own[body.outputs[state.output]]
            else { return nil }
            return Value(sources: first.sources + last.sources, states: first.states.union(last.states).subtracting(states.map(key)))
                .coming(.computed(by: node.name))
        }
    }
}
