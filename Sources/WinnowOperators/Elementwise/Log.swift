package import WinnowGraph
package import WinnowKernels

/// The natural logarithm.
package struct Log: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("Log")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .log }

    package func probabilities(of node: Node, in graph: GraphIndex) -> Probabilities? {
        guard let own = graph.probabilities(of: node.input(0)), !own.areLogarithms else { return nil }
        return Probabilities(own.logits, along: own.axes, areLogarithms: true)
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let x = try context.input(0)
        let g = try context.outputGradient()
        return [try b.divide(g, x)]
    }
}
