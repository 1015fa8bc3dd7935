package import WinnowGraph
package import WinnowKernels

/// |x|
package struct Abs: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("Abs")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .absolute }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let x = try context.input(0)
        let g = try context.outputGradient()
        return [try b.multiply(g, b.add(Sign(), x))]
    }
}
