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

    /// What a body captures of `constants` is its own: kernels are made for it once.
    init(of node: Node, constants: [ValueName: Tensor], _ options: SessionOptions) throws {
        graphs = try node.op.bodies.mapValues { try $0.holding(constants) }
        self.options = options
    }

    /// The outputs of a body for its inputs in order.
    func run(_ name: String, _ inputs: [Datum], captured: [ValueName: Datum]) throws -> [Datum] {
        guard let body = graphs[name], body.inputs.count == inputs.count else {
            throw WinnowError(.model, name, "is no body with \(inputs.count) inputs")
        }
        var values = captured.filter { body.captures[$0.key] != nil }
        var types = values.reduce(into: [:]) { $0[$1.key] = Self.type(of: $1.value, declared: body.captures[$1.key]) }
        for (input, datum) in zip(body.inputs, inputs) {
            values[input.name] = datum
            types[input.name] = Self.type(of: datum, declared: input.type)
        }
        let key = Key(body: name, types: types.sorted { $0.key < $1.key }.map(\.value))
        let session = try sessions[key] ?? Session(body.taking(types), options: options)
        sessions[key] = session
        let results = try session.run(values: values)
        return try body.outputs.map { output in
            guard let datum = results[output] else {
                if let foreign = body.type(of: output)?.foreign { throw foreign.refusal(of: "output \(output) of \(name)", "is") }
                throw WinnowError(.model, "output \(output)", "is not computed by \(name)")
            }
            return datum
        }
    }

    /// The type without extents, which may change from run to run.
    private static func type(of datum: Datum, declared: ValueType?) -> ValueType {
        var type = datum.type(declared: declared ?? .unknown)
        type.extents = type.extents?.map { _ in .unknown }
        return type
    }
}

extension Graph {
    /// The graph with the control flow gone that its input types decide.
    func settlingControlFlow() throws -> Graph {
        nodes.contains { !$0.op.bodies.isEmpty } ? try lowered() : self
    }
}
