package import WinnowGraph
package import WinnowKernels

/// x < 0 ? alpha · (eˣ − 1) : x
package struct Elu: ElementwiseUnary, ActivationOperator {
    package static let type = OperatorType("Elu")
    package static let maximumInputCount = 1

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
        [try context.gradient(of: .elu(alpha: alpha))]
    }
}
