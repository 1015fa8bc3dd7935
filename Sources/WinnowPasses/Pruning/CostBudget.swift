import WinnowEngine
import WinnowGraph
import WinnowTensor

/// The part of what a whole model costs that may be left.
struct CostBudget {
    let cost: ModelCost
    let share: Double

    /// What meets it first; where nothing does, what is nearest.
    struct Cut {
        let length: Int
        let graph: Graph
        /// The cost before and after.
        let finding: Finding
    }

    /// The least length of an order with which the graph costs no more. Where there is none: the whole order, or of latencies, which less
    /// arithmetic may make longer, the shortest that was found.
    ///
    /// - Parameters:
    ///   - rest: what costs that nothing of the order can take away, for the report.
    ///   - smaller: the graph without the first so many of the order.
    func cut(
        _ order: ChannelOrder, of graph: Graph, rest: String, in context: PassContext, _ smaller: (Int) throws -> Graph
    ) throws -> Cut {
        let sample = try cost.needsSample ? context.sample(for: graph) : [:]
        let found = try length(in: order) { length in
            try context.cancellation?.check("search for the budget")
            return try cost.share(of: smaller(length), in: graph, on: sample, in: context)
        }
        let result = try smaller(found.length)
        let before = try cost.value(of: graph, on: sample, in: context)
        // Of latencies those measured in turns can be compared.
        let after = cost == .latency ? found.share.map { before * $0 } : nil
        let reason = found.isMet ? "" : reason(against: found.length, of: order.count, rest: rest)
        return Cut(
            length: found.length, graph: result,
            finding: Finding(
                "graph", found.isMet ? .done : .fellBack, cost.quantity, before: before,
                after: try after ?? cost.value(of: result, on: sample, in: context), reason: reason))
    }

    /// Why an order did not meet it.
    func reason(against length: Int, of count: Int, rest: String) -> String {
        guard cost == .latency, count > 0 else { return "no more can go: what else it costs is in \(rest)" }
        return length > 0
            ? "the budget cannot be reached: this is the fastest that was found" : "nothing that was tried is faster: it stays as it is"
    }

    /// What is within this of the shortest latency is as fast.
    private static let tolerance = 0.02

    /// How much of an order goes, what part of the cost that leaves where it was measured, and whether that is within the budget.
    ///
    /// - Parameter measure: what part of the cost is left without the first so many.
    func length(
        in order: ChannelOrder, _ measure: (Int) throws -> Double
    ) throws -> (length: Int, share: Double?, isMet: Bool) {
        // All of it may be left: there is nothing to measure.
        guard share < 1 else { return (0, nil, true) }
        var known: [Int: Double] = [:]
        func isMet(_ length: Int) throws -> Bool {
            let measured = try known[length] ?? measure(length)
            known[length] = measured
            return measured <= share + 1e-9
        }
        let length = try order.shortest(where: isMet)
        if try isMet(length) { return (length, known[length], true) }
        guard cost == .latency else { return (length, known[length], false) }
        // The search for the budget leaves out the first half once its end is too slow.
        for part in [4, 8, 16] where order.count >= part {
            if try isMet(order.count / part) { return (order.count / part, known[order.count / part], true) }
        }
        let least = known.values.min() ?? 1
        guard least < 1 - Self.tolerance else { return (0, 1, false) }
        let fastest = known.filter { $0.value <= least + Self.tolerance }.keys.min() ?? 0
        return (fastest, known[fastest], false)
    }
}
