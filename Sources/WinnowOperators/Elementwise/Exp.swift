package import WinnowGraph
package import WinnowKernels

/// eˣ
package struct Exp: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("Exp")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .exp }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let y = try context.output(0)
        let g = try context.outputGradient()
        return [try b.multiply(g, y)]
    }
}
