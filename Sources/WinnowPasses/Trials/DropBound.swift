import WinnowEngine
package import WinnowGraph
import WinnowTensor

/// Tells of candidates whether their score on validation data is within a bound of the original's, and keeps what was found.
package struct DropBound {
    private let (bench, before, validation): (Bench, Trial, Dataset)
    /// In points.
    private let drop: Double
    package private(set) var findings: [Finding] = []

    /// - Parameter original: what candidates must not lose more than `drop` points to.
    package init(_ drop: Double, from original: Graph, _ context: PassContext) throws {
        self.drop = drop
        validation = try context.validationData(for: original)
        bench = Bench(original: original, options: EvaluationOptions(cancellation: context.cancellation), judge: context.judge)
        before = try bench.trial(original, on: validation)
    }

    /// - Parameter candidate: what it is, for the report.
    package mutating func holds(_ graph: Graph, _ candidate: String) throws -> Bool {
        let trial = try bench.trial(graph, on: validation)
        let holds = trial.isWithin(drop, of: before)
        findings.append(
            Finding(
                "graph", holds ? .done : .fellBack, .validation(trial.quality.name),
                before: before.quality.measured(before.quality.score), after: trial.quality.measured(trial.quality.score),
                reason: "\(candidate): \(holds ? "within" : "more than") \(drop.shortText) points"))
        return holds
    }
}
