package import WinnowGraph
package import WinnowKernels

/// The inverse hyperbolic cosine.
package struct Acosh: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("Acosh")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .acosh }
    package var minimumVersion: Int { 9 }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let x = try context.input(0)
        let g = try context.outputGradient()
        return [try b.divide(g, b.add(Sqrt(), b.add(b.square(x), number: -1)))]
    }
}
