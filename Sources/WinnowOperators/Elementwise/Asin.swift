package import WinnowGraph
package import WinnowKernels

/// The arcsine in radians.
package struct Asin: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("Asin")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .asin }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let x = try context.input(0)
        let g = try context.outputGradient()
        return [try b.divide(g, b.add(Sqrt(), b.subtract(b.scalar(1, like: x), b.square(x))))]
    }
}
