package import WinnowGraph
package import WinnowKernels

/// The hyperbolic sine.
package struct Sinh: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("Sinh")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .sinh }
    package var minimumVersion: Int { 9 }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let x = try context.input(0)
        let g = try context.outputGradient()
        return [try b.multiply(g, b.add(Cosh(), x))]
    }
}
