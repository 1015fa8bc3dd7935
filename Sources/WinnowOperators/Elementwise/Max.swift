package import WinnowGraph
package import WinnowKernels

/// The largest operand.
package struct Max: ElementwiseVariadic {
    package static let type = OperatorType("Max")

    package init() {}

    package var function: VariadicKernel.Function { .maximum }

    /// What keeps a logarithm away from 0 matters to no probability.
    package func probabilities(of node: Node, in graph: GraphIndex) -> Probabilities? {
        graph.probabilities(of: node) { floor, own in floor < .infinity && own.survive(floor...Double.infinity) }
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        return try context.gradientsOfSelection()
    }
}
