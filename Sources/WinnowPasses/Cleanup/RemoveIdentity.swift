public import WinnowGraph

/// Removes nodes that pass their input on unchanged when the model runs: Identity, Dropout outside training, Cast to the type
/// and Reshape to the shape that a value has.
///
/// ```
/// %2 = Relu(%1)          %2 = Relu(%1)
/// %3 = Dropout(%2)   →
/// %4 = Gemm(%3, …)       %4 = Gemm(%2, …)
/// ```
public struct RemoveIdentity: Pass {
    public static let name = "remove-identity"
    public static let page = "Cleanup"
    public static let summary = "removes Identity, Dropout outside training, and Cast and Reshape that change nothing"
    public static let isIdempotent = true

    public init() {}

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        let result = try graph.bypassing { Self.passesOn($0, in: $1) }
        var ledger = WeightLedger(graph)
        for node in graph.nodes where result.node(named: node.name) == nil {
            ledger.note(Finding(node.name, .done, .nodes, before: 1, after: 0))
        }
        let index = GraphIndex(result)
        for node in result.nodes where Self.passesOn(node, in: index) {
            ledger.skip(node.name, "it gives a graph output the name of an input or constant")
        }
        return PassResult(graph: result, findings: ledger.findings { _ in "not the work of this pass" })
    }

    private static func passesOn(_ node: Node, in index: GraphIndex) -> Bool {
        node.op.passing(of: node, in: index) == .unchanged
            && node.outputs.dropFirst().allSatisfy { $0.isEmpty || (!index.isOutput($0) && index.consumers(of: $0).isEmpty) }
    }
}
