package import WinnowGraph
package import WinnowKernels

/// The hyperbolic cosine.
package struct Cosh: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("Cosh")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .cosh }
    package var minimumVersion: Int { 9 }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let x = try context.input(0)
        let g = try context.outputGradient()
        return [try b.multiply(g, b.add(Sinh(), x))]
    }
}
