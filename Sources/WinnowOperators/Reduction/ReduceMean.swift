package import WinnowGraph
package import WinnowKernels

/// The mean along axes.
package struct ReduceMean: ReductionOperator {
    package static let type = OperatorType("ReduceMean")
    package static var function: ReductionFunction { .mean }
    package var parameters: ReductionParameters

    package init(_ parameters: ReductionParameters) { self.parameters = parameters }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let count = try reducedCount(context)
        return try spread(context) { gradient, _ in try context.builder.add(Div(), gradient, count) }
    }
}
