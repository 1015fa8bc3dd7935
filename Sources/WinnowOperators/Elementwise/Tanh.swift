package import WinnowGraph
package import WinnowKernels

/// The hyperbolic tangent.
package struct Tanh: ElementwiseUnary, AttributeFree, ActivationOperator {
    package static let type = OperatorType("Tanh")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .tanh }
    package var outputBounds: ClosedRange<Float>? { -1...1 }

    package func activation(of node: Node, in graph: GraphIndex) -> Activation? { .tanh }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let y = try context.output(0)
        let g = try context.outputGradient()
        return [try b.add(TanhGradient(), g, y)]
    }
}
