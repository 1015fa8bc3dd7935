import WinnowEngine
package import WinnowGraph
import WinnowOperators

extension Graph {
    /// The graph in which all layers that read one of these initializers alike read the same value: an Identity of it is the initializer
    /// itself, as torch's older exporter writes one for every further use, and what nodes make of it alike is made once.
    package func sharingReadings(of tensors: Set<ValueName>) throws -> Graph {
        let index = GraphIndex(self)
        var edit = GraphEdit()
        var made: [Reading: ValueName] = [:]
        var values = tensors.filter { initializers[$0] != nil }
        for node in nodes {
            let inputs = node.inputs.map { edit.rewired[$0] ?? $0 }
            guard let source = inputs.first, values.contains(source), let output = node.output(0), node.outputs.count == 1,
                inputs.dropFirst().allSatisfy({ $0.isEmpty || initializers[$0] != nil }), let passing = node.op.passing(of: node, in: index)
            else { continue }
            if case .between = passing { continue }
            if case .neutral = passing { continue }
            values.insert(output)
            guard !index.isOutput(output), !node.notes.isMask else { continue }
            guard passing != .unchanged else {
                edit.removedNodes.insert(node.name)
                edit.rewired[output] = source
                continue
            }
            guard let reading = Reading(node, inputs) else { continue }
            guard let known = made[reading] else { made[reading] = output; continue }
            edit.removedNodes.insert(node.name)
            edit.rewired[output] = known
        }
        return edit.removedNodes.isEmpty ? self : try applying(edit)
    }
}

/// What a node makes of what.
private struct Reading: Hashable {
    private let operation: String
    private let inputs: [ValueName]

    init?(_ node: Node, _ inputs: [ValueName]) {
        guard let operation = node.operation else { return nil }
        (self.operation, self.inputs) = (operation, inputs)
    }
}

extension Node {
    /// The operator with all its attributes, in words; nil where those are more than numbers and texts, or chance has a part in it.
    var operation: String? {
        guard !op.draws, op.bodies.isEmpty else { return nil }
        var words: [String] = []
        for (name, value) in op.attributes.values.sorted(by: { $0.key < $1.key }) {
            switch value {
            case .int, .float, .string, .ints, .floats, .strings: words.append("\(name) = \(value)")
            case .tensor, .graph, .graphs, .type, .encoded: return nil
            }
        }
        return "\(op.type)(\(words.joined(separator: ", ")))"
    }
}
