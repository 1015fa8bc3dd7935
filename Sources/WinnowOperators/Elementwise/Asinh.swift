package import WinnowGraph
package import WinnowKernels

/// The inverse hyperbolic sine.
package struct Asinh: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("Asinh")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .asinh }
    package var minimumVersion: Int { 9 }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let x = try context.input(0)
        let g = try context.outputGradient()
        return [try b.divide(g, b.add(Sqrt(), b.add(b.square(x), number: 1)))]
    }
}
