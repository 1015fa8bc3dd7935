package import WinnowGraph

/// An operator with settings that not every runtime heeds beside codes: ONNX Runtime forgets lists of axes where it moves a node to another
/// layout, and has no dilations for pools of codes.
package protocol RuntimeForm: Operator {
    /// The node without such settings; nil where it has none, or needs them.
    func runtimeForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit?

    /// Whether a runtime that computes it on codes gets something else than on floats.
    var isAnotherOnCodes: Bool { get }
}

extension RuntimeForm {
    package var isAnotherOnCodes: Bool { false }
}
