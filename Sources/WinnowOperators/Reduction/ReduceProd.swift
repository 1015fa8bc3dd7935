package import WinnowGraph
package import WinnowKernels

/// The product along axes; its gradient is product / element, which needs elements other than 0.
package struct ReduceProd: ReductionOperator {
    package static let type = OperatorType("ReduceProd")
    package static let maximumInputCount = 2
    package static var function: ReductionFunction { .product }
    package var parameters: ReductionParameters

    package init(_ parameters: ReductionParameters) { self.parameters = parameters }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let quotient = try spread(context) { gradient, result in try context.builder.add(Mul(), gradient, result) }
        return try scaled(quotient) { try context.builder.add(Div(), $0, context.input(0)) }
    }
}
