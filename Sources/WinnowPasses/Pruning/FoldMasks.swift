public import WinnowGraph
import WinnowTensor

/// Makes pruning permanent: multiplies every mask into its weight and removes the mask.
public struct FoldMasks: Pass {
    public static let name = "fold-masks"
    public static let page = "Cleanup"
    public static let summary = "makes pruning permanent: masked weights become zeros"
    public static let isIdempotent = true

    public init() {}

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        let result = try graph.foldingMasks()
        return PassResult(graph: result, findings: RemovedMasks.findings(from: graph, to: result))
    }
}

/// Undoes pruning: removes masks and lets the weights beneath work again, as they were when they were last trained.
public struct Unprune: Pass {
    public static let name = "unprune"
    public static let page = "Cleanup"
    public static let summary = "removes pruning masks and gives the dense weights back"
    public static let isIdempotent = true

    public init() {}

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        let result = try graph.droppingMasks()
        return PassResult(graph: result, findings: RemovedMasks.findings(from: graph, to: result))
    }
}

/// What removing masks has to report.
private enum RemovedMasks {
    static func findings(from old: Graph, to new: Graph) -> [Finding] {
        var ledger = WeightLedger(old)
        for (_, weight, mask) in old.maskNodes {
            guard let values = old.initializers[weight]?.floats(), let mask = old.initializers[mask]?.floats() else {
                continue
            }
            let zeros = zip(values, mask).count { $0 == 0 || $1 == 0 }
            ledger.note(
                Finding(
                    weight, .done, .sparsity, before: Double(zeros) / Double(max(1, values.count)),
                    after: new.initializers[weight]?.sparsity))
        }
        return ledger.findings { _ in "it has no mask" }
    }
}
