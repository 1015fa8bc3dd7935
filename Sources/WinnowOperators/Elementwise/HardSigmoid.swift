package import WinnowGraph
package import WinnowKernels

/// max(0, min(1, alpha · x + beta))
package struct HardSigmoid: ElementwiseUnary, ActivationOperator {
    package static let type = OperatorType("HardSigmoid")

    package var alpha: Float
    package var beta: Float

    package init(alpha: Float = 0.2, beta: Float = 0.5) {
        self.alpha = alpha
        self.beta = beta
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            alpha: try attributes.float("alpha", default: 0.2),
            beta: try attributes.float("beta", default: 0.5))
    }

    package var attributes: Attributes { ["alpha": .float(alpha), "beta": .float(beta)] }
    package var function: UnaryFunction { .hardSigmoid(alpha: alpha, beta: beta) }

    package func activation(of node: Node, in graph: GraphIndex) -> Activation? { .hardSigmoid(alpha: alpha, beta: beta) }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let (x, g) = (try context.input(0), try context.outputGradient())
        let y = try context.output(0)
        let inside = try b.add(And(), b.add(Greater(), y, b.scalar(0, like: x)), b.add(Less(), y, b.scalar(1, like: x)))
        return [try b.add(Where(), inside, b.multiply(g, by: Double(alpha)), b.scalar(0, like: x))]
    }
}
