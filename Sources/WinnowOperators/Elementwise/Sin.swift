package import WinnowGraph
package import WinnowKernels

/// The sine of x in radians.
package struct Sin: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("Sin")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .sin }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let x = try context.input(0)
        let g = try context.outputGradient()
        return [try b.multiply(g, b.add(Cos(), x))]
    }
}
