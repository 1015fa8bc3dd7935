package import WinnowGraph
package import WinnowKernels

/// The largest operand.
package struct Max: ElementwiseVariadic {
    package static let type = OperatorType("Max")

    package init() {}

    package var function: VariadicKernel.Function { .maximum }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        return try context.gradientsOfSelection()
    }
}
