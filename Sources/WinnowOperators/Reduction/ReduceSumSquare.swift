package import WinnowGraph
package import WinnowKernels

/// The sum of squares along axes.
package struct ReduceSumSquare: ReductionOperator {
    package static let type = OperatorType("ReduceSumSquare")
    package static let maximumInputCount = 2
    package static var function: ReductionFunction { .sumOfSquares }
    package var parameters: ReductionParameters

    package init(_ parameters: ReductionParameters) { self.parameters = parameters }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let two = context.builder.constant("two", scalar: Float(2))
        let doubled = try spread(context) { gradient, _ in try context.builder.add(Mul(), gradient, two) }
        return try scaled(doubled) { try context.builder.add(Mul(), $0, context.input(0)) }
    }
}
