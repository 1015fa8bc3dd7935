package import WinnowGraph
package import WinnowKernels

/// The logarithm of the sum along axes.
package struct ReduceLogSum: ReductionOperator {
    package static let type = OperatorType("ReduceLogSum")
    package static let maximumInputCount = 2
    package static var function: ReductionFunction { .logSum }
    package var parameters: ReductionParameters

    package init(_ parameters: ReductionParameters) { self.parameters = parameters }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        try spread(context) { gradient, result in
            try context.builder.add(Div(), gradient, context.builder.add(Exp(), result))
        }
    }
}
