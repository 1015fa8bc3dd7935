package import WinnowGraph

extension GraphBuilder {
    /// What a classifier's output would be without a closing Softmax or LogSoftmax, in the output's shape.
    ///
    /// - Parameters:
    ///   - samples: the output's axis that counts samples.
    ///   - classes: its axis of classes; nil: the first other one.
    package func logits(of output: ValueName, in graph: GraphIndex, samples: Int = 0, classes: Int? = nil) throws -> ValueName {
        let scores = ClassScores(of: output, in: graph, samples: samples, classes: classes)
        return try reapplying(scores.reshapings, to: scores.needsLogarithm ? logarithm(ofProbabilities: scores.logits) : scores.logits)
    }

    /// log p, where less than 10⁻¹² counts as that.
    package func logarithm(ofProbabilities value: ValueName) throws -> ValueName {
        try add(Log(), add(Max(), value, scalar(1e-12, like: value)))
    }

    /// log(p / (1 − p)), where what is nearer to 0 or 1 than 10⁻⁷ counts as that.
    package func logit(ofProbabilities value: ValueName) throws -> ValueName {
        func logarithm(_ value: ValueName) throws -> ValueName { try add(Log(), add(Max(), value, scalar(1e-7, like: value))) }
        return try subtract(logarithm(value), logarithm(subtract(scalar(1, like: value), value)))
    }

    /// What nodes that hand their first input on make of another value, one after the other.
    package func reapplying(_ nodes: [Node], to value: ValueName) throws -> ValueName {
        try nodes.reduce(value) { value, node in
            try add(node.op, inputs: [value] + node.inputs.dropFirst().map { $0.isEmpty ? nil : $0 })[0]
        }
    }
}
