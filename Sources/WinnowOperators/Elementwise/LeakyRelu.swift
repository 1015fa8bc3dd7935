package import WinnowGraph
package import WinnowKernels

/// x < 0 ? alpha · x : x
package struct LeakyRelu: ElementwiseUnary, ActivationOperator {
    package static let type = OperatorType("LeakyRelu")
    package static let maximumInputCount = 1

    package var alpha: Float

    package init(alpha: Float = 0.01) {
        self.alpha = alpha
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            alpha: try attributes.float("alpha", default: 0.01))
    }

    package var attributes: Attributes { ["alpha": .float(alpha)] }
    package var passesFactors: Bool { true }
    package var function: UnaryFunction { .leakyRelu(alpha: alpha) }

    package func activation(of node: Node, in graph: GraphIndex) -> Activation? { .leakyRelu(alpha: alpha) }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        [try context.gradient(of: .leakyRelu(alpha: alpha))]
    }
}
