import WinnowGraph
import WinnowTensor

/// The bodies of one control-flow node, each with a session for the element types and ranks it is run on.
final class Bodies {
    private struct Key: Hashable {
        var body: String
        var types: [ValueType]
    }

    private let graphs: [String: Graph]
    private let options: SessionOptions
    private var sessions: [Key: Session] = [:]

    init(of node: Node, _ options: SessionOptions) {
        graphs = node.op.bodies
        self.options = options
    }

    /// The outputs of a body for its inputs in order.
    func run(_ name: String, _ inputs: [Tensor], captured: [ValueName: Tensor]) throws -> [Tensor] {
        guard let body = graphs[name], body.inputs.count == inputs.count else {
            throw WinnowError(.model, name, "is no body with \(inputs.count) inputs")
        }
        var values = captured.filter { body.captures[$0.key] != nil }
        for (input, tensor) in zip(body.inputs, inputs) { values[input.name] = tensor }
        let types = values.mapValues { ValueType($0.elementType, $0.shape.map { _ in .unknown }) }
        let key = Key(body: name, types: types.sorted { $0.key < $1.key }.map(\.value))
        let session = try sessions[key] ?? Session(body.taking(types), options: options)
        sessions[key] = session
        let results = try session.run(values)
        return try body.outputs.map { output in
            guard let tensor = results[output] else { throw WinnowError(.model, "output \(output)", "is not computed by \(name)") }
            return tensor
        }
    }
}

extension Graph {
    /// The graph with the control flow gone that its input types decide.
    func settlingControlFlow() throws -> Graph {
        nodes.contains { !$0.op.bodies.isEmpty } ? try lowered() : self
    }
}
