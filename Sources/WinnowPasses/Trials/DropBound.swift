import WinnowEngine
package import WinnowGraph
import WinnowTensor

/// Tells of candidates whether their score on validation data is within a bound of the original's, and keeps what was found.
package struct DropBound {
    private let (bench, before, validation): (Bench, Trial, Dataset)
    /// On the original's scale.
    private let drop: Double
    package private(set) var findings: [Finding] = []

    /// - Parameter original: what candidates must not lose more than `drop` to, on its scale.
    package init(_ drop: Double, from original: Graph, _ context: PassContext) throws {
        self.drop = drop
        validation = try context.validationData(for: original)
        bench = Bench(original: original, options: EvaluationOptions(cancellation: context.cancellation), judge: context.judge)
        before = try bench.trial(original, on: validation)
        let quality = before.quality
        guard !quality.scale.isPart else { return }
        findings.append(Finding("graph", .done, .validation(quality.name), after: quality.measured(quality.score), reason: quality.scale.remark))
    }

    /// - Parameter candidate: what it is, for the report.
    package mutating func holds(_ graph: Graph, _ candidate: String) throws -> Bool {
        let trial = try bench.trial(graph, on: validation)
        let holds = trial.isWithin(drop, of: before)
        findings.append(
            Finding(
                "graph", holds ? .done : .fellBack, .validation(trial.quality.name),
                before: before.quality.measured(before.quality.score), after: trial.quality.measured(trial.quality.score),
                reason: "\(candidate): \(holds ? "within" : "more than") \(drop.shortText)\(before.quality.scale.dropUnit)"))
        return holds
    }

    /// How near the search for a size comes to the least.
    private static let sizeStep = 1.0 / 64

    /// What `make` gives for the smallest size that holds, between `size` and 1: first for `size` itself, then by bisection,
    /// with what became of every candidate.
    ///
    /// - Parameter size: nil: as `make` has it without one.
    package mutating func smallest(from size: Double?, _ make: (Double?) throws -> PassResult) throws -> PassResult {
        var best = try make(size)
        if try !holds(best.graph, size.map { "size \($0.shortText)" } ?? "as asked") {
            var (fails, size) = (size ?? 0, 1.0)
            best = try make(size)
            _ = try holds(best.graph, "size 1")
            while size - fails > Self.sizeStep {
                let middle = (fails + size) / 2
                let result = try make(middle)
                if try holds(result.graph, "size \(middle.shortText)") { (best, size) = (result, middle) } else { fails = middle }
            }
        }
        return PassResult(graph: best.graph, findings: findings + best.findings)
    }
}
