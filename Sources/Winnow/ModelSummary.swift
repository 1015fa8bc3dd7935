public import WinnowGraph
import WinnowTensor

/// What a model consists of, node by node.
public struct ModelSummary: Codable, Sendable {
    public struct Node: Codable, Sendable {
        public var name: String
        public var type: String
        public var inputs: [String]
        /// The outputs' types: `float32[N, 10]`.
        public var outputs: [String]
        /// Elements of the initializers it reads.
        public var parameters: Int
        public var parameterByteCount: Int
        /// Multiply–accumulates of one sample; nil where it multiplies nothing or its axes are unknown.
        public var multiplyAccumulates: Int?
        /// The part of its parameters that is zero.
        public var sparsity: Double
    }

    public var name: String
    public var opsets: [String: Int]
    public var inputs: [String]
    public var outputs: [String]
    public var nodes: [Node]
    public var parameters: Int
    public var parameterByteCount: Int
    public var multiplyAccumulates: Int

    public init(_ graph: Graph) {
        name = graph.name
        opsets = graph.metadata.opsets
        inputs = graph.inputs.map { "\($0.name): \($0.type)" }
        outputs = graph.outputNames.map { "\($0): \(graph.type(of: $0)?.description ?? "unknown")" }
        let counts = graph.multiplyAccumulates()
        nodes = graph.nodes.map { node in
            let parameters = node.inputs.compactMap { graph.initializers[$0] }
            let count = parameters.reduce(0) { $0 + $1.elementCount }
            return Node(
                name: node.name, type: node.op.type.description, inputs: node.inputs,
                outputs: node.outputs.map { "\($0): \(graph.type(of: $0)?.description ?? "unknown")" }, parameters: count,
                parameterByteCount: parameters.reduce(0) { $0 + $1.byteCount }, multiplyAccumulates: counts[node.name],
                sparsity: count == 0 ? 0 : Double(parameters.reduce(0) { $0 + $1.zeroCount }) / Double(count))
        }
        parameters = graph.parameterCount
        parameterByteCount = graph.initializers.values.reduce(0) { $0 + $1.byteCount }
        multiplyAccumulates = counts.values.reduce(0, +)
    }
}
