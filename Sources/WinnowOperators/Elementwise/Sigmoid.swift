package import WinnowGraph
package import WinnowKernels

/// 1 / (1 + e⁻ˣ)
package struct Sigmoid: ElementwiseUnary, AttributeFree, ActivationOperator {
    package static let type = OperatorType("Sigmoid")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .sigmoid }
    package var outputBounds: ClosedRange<Float>? { 0...1 }

    package func activation(of node: Node, in graph: GraphIndex) -> Activation? { .sigmoid }
    package func sigmoid(of node: Node, in graph: GraphIndex) -> ValueName? { node.input(0) }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let y = try context.output(0)
        let g = try context.outputGradient()
        return [try b.add(SigmoidGradient(), g, y)]
    }
}
