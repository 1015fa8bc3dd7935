package import WinnowGraph
package import WinnowKernels

/// The logarithm of the sum of exponentials along axes, without overflow.
package struct ReduceLogSumExp: ReductionOperator {
    package static let type = OperatorType("ReduceLogSumExp")
    package static let maximumInputCount = 2
    package static var function: ReductionFunction { .logSumExp }
    package var parameters: ReductionParameters

    package init(_ parameters: ReductionParameters) { self.parameters = parameters }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let result = try spread(context) { _, result in result }[0]
        let share = try context.builder.add(Exp(), context.builder.add(Sub(), context.input(0), result))
        return try scaled(spread(context) { gradient, _ in gradient }) { try context.builder.add(Mul(), $0, share) }
    }
}
