package import WinnowGraph
import WinnowTensor

/// e^x over the sum of e^x along an axis.
package struct Softmax: SoftmaxFamily {
    package static let type = OperatorType("Softmax")
    package static let maximumInputCount = 1
    package static let isLogarithm = false
    package var axis: Int
    package var flattens: Bool
    package var outputBounds: ClosedRange<Float>? { 0...1 }

    package init(axis: Int = -1, flattens: Bool = false) {
        self.axis = axis
        self.flattens = flattens
    }

    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        guard let rank = graph.info(of: node.input(0))?.rank, try axis.normalizedAxis(rank: rank) == rank - 1 else { return nil }
        return try ScaledDotProduct.edit(around: node, in: graph)
    }
}
