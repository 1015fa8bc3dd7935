package import WinnowGraph
package import WinnowKernels

/// 1 / x
package struct Reciprocal: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("Reciprocal")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .reciprocal }

    package func sigmoid(of node: Node, in graph: GraphIndex) -> ValueName? { graph.sigmoidArgument(ofDenominator: node.input(0)) }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let y = try context.output(0)
        let g = try context.outputGradient()
        return [try b.negate(b.multiply(g, b.square(y)))]
    }
}
