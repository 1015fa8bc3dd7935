package import WinnowGraph
package import WinnowKernels

/// The Euclidean norm along axes.
package struct ReduceL2: ReductionOperator {
    package static let type = OperatorType("ReduceL2")
    package static let maximumInputCount = 2
    package static var function: ReductionFunction { .euclideanNorm }
    package var parameters: ReductionParameters

    package init(_ parameters: ReductionParameters) { self.parameters = parameters }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let quotient = try spread(context) { gradient, result in try context.builder.add(Div(), gradient, result) }
        return try scaled(quotient) { try context.builder.add(Mul(), $0, context.input(0)) }
    }
}
