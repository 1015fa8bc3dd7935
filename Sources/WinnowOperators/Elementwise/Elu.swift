package import WinnowGraph
package import WinnowKernels

/// x < 0 ? alpha · (eˣ − 1) : x
package struct Elu: ElementwiseUnary, ActivationOperator {
    package static let type = OperatorType("Elu")

    package var alpha: Float

    package init(alpha: Float = 1) {
        self.alpha = alpha
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            alpha: try attributes.float("alpha", default: 1))
    }

    package var attributes: Attributes { ["alpha": .float(alpha)] }
    package var function: UnaryFunction { .elu(alpha: alpha) }

    package func activation(of node: Node, in graph: GraphIndex) -> Activation? { .elu(alpha: alpha) }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let (x, g) = (try context.input(0), try context.outputGradient())
        let isNegative = try b.add(Less(), x, b.scalar(0, like: x))
        let slope = try b.add(context.output(0), number: Double(alpha))
        return [try b.add(Where(), isNegative, b.multiply(g, slope), g)]
    }
}
