package import WinnowGraph
package import WinnowKernels

/// The smallest operand.
package struct Min: ElementwiseVariadic {
    package static let type = OperatorType("Min")

    package init() {}

    package var function: VariadicKernel.Function { .minimum }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        return try context.gradientsOfSelection()
    }
}
