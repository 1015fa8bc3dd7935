package import WinnowGraph
package import WinnowKernels

/// x · sigmoid(alpha · x)
package struct Swish: ElementwiseUnary, ActivationOperator {
    package static let type = OperatorType("Swish")
    package static let maximumInputCount = 1

    package var alpha: Float

    package init(alpha: Float = 1) { self.alpha = alpha }

    package init(attributes: Attributes, version: Int) throws {
        self.init(alpha: try attributes.float("alpha", default: 1))
    }

    package var attributes: Attributes { ["alpha": .float(alpha)] }
    package var minimumVersion: Int { 24 }
    package var function: UnaryFunction { .swish(alpha: alpha) }

    package func activation(of node: Node, in graph: GraphIndex) -> Activation? { .swish(alpha: alpha) }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        [try context.gradient(of: .swish(alpha: alpha))]
    }
}
