package import WinnowGraph
package import WinnowKernels

/// x · max(0, min(1, x / 6 + 1/2))
package struct HardSwish: ElementwiseUnary, AttributeFree, ActivationOperator {
    package static let type = OperatorType("HardSwish")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .hardSwish }
    package var minimumVersion: Int { 14 }

    package func activation(of node: Node, in graph: GraphIndex) -> Activation? { .hardSwish }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        [try context.gradient(of: .hardSwish)]
    }
}
