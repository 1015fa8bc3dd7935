package import WinnowGraph
package import WinnowKernels

/// The smallest element along axes; equal smallest elements share the gradient.
package struct ReduceMin: ReductionOperator {
    package static let type = OperatorType("ReduceMin")
    package static let maximumInputCount = 2
    package static var function: ReductionFunction { .minimum }
    package var parameters: ReductionParameters

    package init(_ parameters: ReductionParameters) { self.parameters = parameters }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        try sharedAmongEqual(context)
    }
}
