package import WinnowGraph
package import WinnowKernels

/// The inverse hyperbolic tangent.
package struct Atanh: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("Atanh")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .atanh }
    package var minimumVersion: Int { 9 }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let x = try context.input(0)
        let g = try context.outputGradient()
        return [try b.divide(g, b.subtract(b.scalar(1, like: x), b.square(x)))]
    }
}
