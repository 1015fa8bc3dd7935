package import WinnowGraph
package import WinnowKernels

/// √x
package struct Sqrt: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("Sqrt")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .squareRoot }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let y = try context.output(0)
        let g = try context.outputGradient()
        return [try b.divide(g, b.multiply(y, by: 2))]
    }
}
