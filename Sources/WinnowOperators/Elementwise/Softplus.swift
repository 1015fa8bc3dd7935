package import WinnowGraph
package import WinnowKernels

/// ln(1 + eˣ)
package struct Softplus: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("Softplus")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .softplus }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let x = try context.input(0)
        let g = try context.outputGradient()
        return [try b.multiply(g, b.add(Sigmoid(), x))]
    }
}
