package import WinnowGraph

/// An operator with settings that not every runtime heeds beside codes: ONNX Runtime forgets lists of axes where it moves a node to another
/// layout, and has no dilations for pools of codes.
package protocol RuntimeForm: Operator {
    /// The node without such settings; nil where it has none, or needs them.
    func runtimeForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit?
}

extension GraphBuilder {
    /// The extents of `value`, with others along some axes.
    func shape(of value: ValueName, replacing axes: [Int], by extents: ValueName) throws -> ValueName {
        try add(ScatterElements(), shape(of: value), integers(axes, name: "axes"), extents)
    }
}
