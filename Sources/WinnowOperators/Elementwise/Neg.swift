package import WinnowGraph
package import WinnowKernels

/// −x
package struct Neg: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("Neg")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .negate }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let g = try context.outputGradient()
        return [try b.negate(g)]
    }
}
