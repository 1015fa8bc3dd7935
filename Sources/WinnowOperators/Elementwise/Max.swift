package import WinnowGraph
package import WinnowKernels

/// The largest operand.
package struct Max: ElementwiseVariadic {
    package static let type = OperatorType("Max")

    package init() {}

    package var function: VariadicKernel.Function { .maximum }

    /// What keeps a logarithm away from 0 matters to no probability.
    package func probabilities(of node: Node, in graph: GraphIndex) -> Probabilities? {
        guard node.inputs.count == 2 else { return nil }
        for place in 0..<2 {
            if let floor = graph.constantNumber(node.input(1 - place)), let own = graph.probabilities(of: node.input(place)) {
                return own.survive(floor...Double.infinity) ? own : nil
            }
        }
        return nil
    }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        return try context.gradientsOfSelection()
    }
}
