import WinnowEngine
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
        var result = graph
        var ledger = WeightLedger(graph)
        while true {
            let edits = try result.edits { _, node, index in
                Self.passesOn(node, in: index) ? GraphEdit(bypassing: node, in: index) : nil
            }
            if edits.isEmpty { break }
            result = try result.applying(edits)
        }
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

extension GraphEdit {
    /// Lets readers of a node's first output read its first input; a graph output keeps its name.
    /// nil where that cannot be: the output is a graph output and the input is one too, or is computed by no node.
    package init?(bypassing node: Node, in index: GraphIndex) {
        guard let input = node.input(0), let output = node.output(0) else { return nil }
        self.init()
        removedNodes = [node.name]
        guard index.isOutput(output) else { rewired = [output: input]; return }
        guard !index.isOutput(input), var producer = index.producer(of: input) else { return nil }
        removedNodes.insert(producer.name)
        producer.outputs = producer.outputs.map { $0 == input ? output : $0 }
        addedNodes = [producer]
        rewired = [input: output]
    }
}
