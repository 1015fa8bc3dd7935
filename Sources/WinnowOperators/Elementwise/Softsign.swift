package import WinnowGraph
package import WinnowKernels

/// x / (1 + |x|)
package struct Softsign: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("Softsign")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .softsign }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let x = try context.input(0)
        let g = try context.outputGradient()
        let width = try b.add(b.add(Abs(), x), number: 1)
        return [try b.divide(g, b.square(width))]
    }
}
