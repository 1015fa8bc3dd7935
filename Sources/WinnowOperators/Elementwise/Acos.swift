package import WinnowGraph
package import WinnowKernels

/// The arccosine in radians.
package struct Acos: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("Acos")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .acos }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let x = try context.input(0)
        let g = try context.outputGradient()
        return [try b.negate(b.divide(g, b.add(Sqrt(), b.subtract(b.scalar(1, like: x), b.square(x)))))]
    }
}
