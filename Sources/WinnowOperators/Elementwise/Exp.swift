package import WinnowGraph
package import WinnowKernels

/// eˣ
package struct Exp: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("Exp")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .exp }

    /// Of the logarithms of probabilities: logits that give the same probabilities.
    package func probabilities(of node: Node, in graph: GraphIndex) -> Probabilities? {
        guard let own = graph.probabilities(of: node.input(0)), own.areLogarithms else { return nil }
        return Probabilities(own.logits ?? node.input(0), along: own.axes)
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let y = try context.output(0)
        let g = try context.outputGradient()
        return [try b.multiply(g, y)]
    }
}
