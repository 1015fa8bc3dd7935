import WinnowEngine
import WinnowGraph
import WinnowTensor

/// The part of what a whole model costs that may be left.
struct CostBudget {
    let cost: ModelCost
    let share: Double

    /// What meets it first.
    struct Cut {
        let length: Int
        let graph: Graph
        /// The cost before and after.
        let finding: Finding
    }

    /// The least length of an order with which the graph costs no more.
    ///
    /// - Parameters:
    ///   - rest: what costs that nothing of the order can take away, for the report.
    ///   - smaller: the graph without the first so many of the order.
    func cut(
        _ order: ChannelOrder, of graph: Graph, rest: String, in context: PassContext, _ smaller: (Int) throws -> Graph
    ) throws -> Cut {
        let sample = try cost.needsSample ? context.sample(for: graph) : [:]
        func isMet(_ candidate: Graph) throws -> Bool {
            try cost.share(of: candidate, in: graph, on: sample, in: context) <= share + 1e-9
        }
        // All of it may be left: there is nothing to measure.
        let length = share >= 1 ? 0 : try order.shortest { length in
            try context.cancellation?.check("search for the budget")
            return try isMet(smaller(length))
        }
        let result = try smaller(length)
        let (before, after) = try (cost.value(of: graph, on: sample, in: context), cost.value(of: result, on: sample, in: context))
        let holds = try length < order.count || isMet(result)
        return Cut(
            length: length, graph: result,
            finding: Finding(
                "graph", holds ? .done : .fellBack, cost.quantity, before: before, after: after,
                reason: holds ? "" : "no more can go: what else it costs is in \(rest)"))
    }
}
