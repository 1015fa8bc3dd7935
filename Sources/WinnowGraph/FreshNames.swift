/// Names for what edits add: none is in use in the graph, in bodies inside it, or was given before.
package struct FreshNames: Sendable {
    private var values: Set<ValueName>
    private var nodes: Set<String>
    /// The number to try next for a name that is taken.
    private var numbers: [String: Int] = [:]

    /// - Parameter taken: further value names to stay clear of: for a body, those of the graphs around it.
    package init(_ graph: Graph, avoiding taken: Set<ValueName> = []) {
        values = taken
        nodes = []
        add(graph)
    }

    private mutating func add(_ graph: Graph) {
        values.formUnion(graph.infos.keys)
        for node in graph.nodes {
            nodes.insert(node.name)
            for body in node.op.bodies.values { add(body) }
        }
    }

    /// A value name: `base` if it is free, else with a number behind.
    package mutating func value(_ base: String) -> ValueName { Self.take(base, from: &values, &numbers) }

    /// A node name: `base` if it is free, else with a number behind.
    package mutating func node(_ base: String) -> String { Self.take(base, from: &nodes, &numbers) }

    private static func take(_ base: String, from taken: inout Set<String>, _ numbers: inout [String: Int]) -> String {
        if !base.isEmpty, taken.insert(base).inserted { return base }
        var number = numbers[base] ?? 1
        while !taken.insert("\(base)_\(number)").inserted { number += 1 }
        numbers[base] = number + 1
        return "\(base)_\(number)"
    }
}
