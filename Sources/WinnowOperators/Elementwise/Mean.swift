package import WinnowGraph
package import WinnowKernels

/// The mean of all operands.
package struct Mean: ElementwiseVariadic {
    package static let type = OperatorType("Mean")

    package init() {}

    package var function: VariadicKernel.Function { .mean }
    package var combinesUnitIntervals: Bool { true }

    package func probabilities(of node: Node, in graph: GraphIndex) -> Probabilities? { graph.probabilitiesOfSum(node) }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let count = Double(context.node.inputs.count)
        let g = try context.builder.multiply(context.outputGradient(), by: 1 / count)
        return try context.node.inputs.indices.map { try context.summed(to: $0, g) }
    }
}
