package import WinnowGraph
package import WinnowTraining

/// A pass that trains has three moments; `finetune` carries any number of them through one run.
package protocol TrainingPass: Pass {
    /// Inserts what trains along: masks, Q/DQ pairs.
    func prepare(_ graph: Graph, in context: PassContext) throws -> PreparedTraining

    /// Changes what is made small: joins a teacher. `model` is the graph before any pass prepared it.
    func extend(_ objective: Objective, model: Graph, in context: PassContext) throws -> Objective

    /// Takes out what only served training: folds masks, fixes codes.
    func finalize(_ graph: Graph, in context: PassContext) throws -> PassResult
}

/// A graph made ready by one training pass, and what the trainer must know of it.
package struct PreparedTraining {
    package var graph: Graph
    package var findings: [Finding]
    /// Initializers that the optimizer must leave alone.
    package var frozen: Set<ValueName> = []
    /// Parameters that are trained differently, or trained at all although the defaults would not.
    package var options: [ValueName: ParameterOptions] = [:]
    /// What acts between steps.
    package var hook: (any TrainingHook)?

    package init(graph: Graph, findings: [Finding] = []) {
        self.graph = graph
        self.findings = findings
    }
}

extension TrainingPass {
    package var needs: PassNeeds { .training }
    package func prepare(_ graph: Graph, in context: PassContext) throws -> PreparedTraining { PreparedTraining(graph: graph) }
    package func extend(_ objective: Objective, model: Graph, in context: PassContext) throws -> Objective { objective }
    package func finalize(_ graph: Graph, in context: PassContext) throws -> PassResult { PassResult(graph: graph) }
}
