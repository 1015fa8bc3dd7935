package import WinnowGraph
package import WinnowKernels

/// The sum along axes.
package struct ReduceSum: ReductionOperator {
    package static let type = OperatorType("ReduceSum")
    package static let maximumInputCount = 2
    package static var function: ReductionFunction { .sum }
    package static var axesInputVersion: Int { 13 }
    package var parameters: ReductionParameters

    package init(_ parameters: ReductionParameters) { self.parameters = parameters }

    package func probabilities(of node: Node, in graph: GraphIndex) -> Probabilities? { probabilitiesOfRest(of: node, in: graph) }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        try spread(context) { gradient, _ in gradient }
    }
}
