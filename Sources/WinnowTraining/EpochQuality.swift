package import WinnowEngine
package import WinnowGraph

/// How good a model is on validation data by what epochs are told by.
package enum EpochQuality {
    /// By the trainer's judge, larger is better.
    case judged(Double)
    /// By labels.
    case classes(Evaluation)
}

extension Trainer {
    /// What labels judge `graph` by; nil where the judge or the loss tells how good an epoch is.
    func judgingLabels(of graph: Graph, on validation: Dataset) -> ClassLabels? {
        guard judge == nil, objective.labelTarget != nil, objective.judgesClasses else { return nil }
        let labels = ClassLabels(of: validation, for: graph)
        return labels.objection == nil ? labels : nil
    }

    /// How good another model is, a teacher or the student before training; nil where only the loss tells, which is the trained model's own.
    package func quality(of graph: Graph, on validation: Dataset) throws -> EpochQuality? {
        if let judge { return .judged(try judge(graph, validation)) }
        let options = EvaluationOptions(session: options, cancellation: cancellation)
        return try judgingLabels(of: graph, on: validation).map { .classes(try Evaluation(of: graph, on: validation, labels: $0, options: options)) }
    }
}
