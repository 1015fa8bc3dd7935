package import WinnowGraph
package import WinnowKernels

/// The sum of all operands.
package struct Sum: ElementwiseVariadic {
    package static let type = OperatorType("Sum")

    package init() {}

    package var function: VariadicKernel.Function { .sum }

    package func probabilities(of node: Node, in graph: GraphIndex) -> Probabilities? { graph.probabilitiesOfSum(node) }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let g = try context.outputGradient()
        return try context.node.inputs.indices.map { try context.summed(to: $0, g) }
    }
}
