package import WinnowGraph
package import WinnowKernels

/// max(0, min(1, alpha · x + beta))
package struct HardSigmoid: ElementwiseUnary, ActivationOperator {
    package static let type = OperatorType("HardSigmoid")
    package static let maximumInputCount = 1

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
    package var outputBounds: ClosedRange<Float>? { 0...1 }

    package func activation(of node: Node, in graph: GraphIndex) -> Activation? { .hardSigmoid(alpha: alpha, beta: beta) }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        [try context.gradient(of: .hardSigmoid(alpha: alpha, beta: beta))]
    }
}
