public import WinnowGraph
import WinnowTensor

/// Removes nodes whose results nobody reads and initializers that no node reads.
public struct RemoveDeadNodes: Pass {
    public static let name = "remove-dead-nodes"
    public static let page = "Cleanup"
    public static let summary = "removes nodes and initializers that no output depends on"
    public static let isIdempotent = true

    public init() {}

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        let result = try graph.removingDeadNodes()
        let kept = Set(result.nodes.map(\.name))
        var ledger = WeightLedger(graph)
        for node in graph.nodes where !kept.contains(node.name) {
            ledger.note(Finding(node.name, .done, .nodes, before: 1, after: 0, reason: "no output depends on it"))
        }
        for name in graph.weightTensors where result.initializers[name] == nil {
            ledger.note(.bytes(of: name, from: graph, to: result))
        }
        return PassResult(graph: result, findings: ledger.findings { _ in "an output depends on it" })
    }
}

extension Finding {
    /// The bytes a tensor takes before and after; 0 where it is gone.
    static func bytes(of tensor: ValueName, from old: Graph, to new: Graph) -> Finding {
        Finding(
            tensor, .done, .byteCount, before: old.initializers[tensor].map { Double($0.byteCount) },
            after: Double(new.initializers[tensor]?.byteCount ?? 0))
    }
}
