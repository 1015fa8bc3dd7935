package import WinnowGraph
package import WinnowKernels

/// The cosine of x in radians.
package struct Cos: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("Cos")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .cos }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let x = try context.input(0)
        let g = try context.outputGradient()
        return [try b.negate(b.multiply(g, b.add(Sin(), x)))]
    }
}
