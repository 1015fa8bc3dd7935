package import WinnowGraph
package import WinnowKernels

/// The largest element along axes; equal largest elements share the gradient.
package struct ReduceMax: ReductionOperator {
    package static let type = OperatorType("ReduceMax")
    package static let maximumInputCount = 2
    package static var function: ReductionFunction { .maximum }
    package var parameters: ReductionParameters

    package init(_ parameters: ReductionParameters) { self.parameters = parameters }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        try sharedAmongEqual(context)
    }
}
