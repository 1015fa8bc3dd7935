package import WinnowGraph
package import WinnowKernels

/// The sum of magnitudes along axes.
package struct ReduceL1: ReductionOperator {
    package static let type = OperatorType("ReduceL1")
    package static let maximumInputCount = 2
    package static var function: ReductionFunction { .sumOfMagnitudes }
    package var parameters: ReductionParameters

    package init(_ parameters: ReductionParameters) { self.parameters = parameters }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let sign = try context.builder.add(Sign(), context.input(0))
        return try scaled(spread(context) { gradient, _ in gradient }) { try context.builder.add(Mul(), $0, sign) }
    }
}
