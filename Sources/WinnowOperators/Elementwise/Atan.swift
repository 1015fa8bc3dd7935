package import WinnowGraph
package import WinnowKernels

/// The arctangent in radians.
package struct Atan: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("Atan")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .atan }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let x = try context.input(0)
        let g = try context.outputGradient()
        return [try b.divide(g, b.add(b.square(x), number: 1))]
    }
}
