package import WinnowGraph
package import WinnowKernels

/// The tangent of x in radians.
package struct Tan: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("Tan")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .tan }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let y = try context.output(0)
        let g = try context.outputGradient()
        return [try b.multiply(g, b.add(b.square(y), number: 1))]
    }
}
