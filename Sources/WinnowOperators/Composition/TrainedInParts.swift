package import WinnowGraph

/// An operator with a kernel of its own that only training replaces by its parts, to differentiate them.
package protocol TrainedInParts: Decomposition {}

extension TrainedInParts {
    package func lowering(of node: Node, in graph: GraphIndex) throws -> GraphEdit? { nil }
}
