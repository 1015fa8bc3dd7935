package import WinnowGraph

/// An operator that may be told of some axes alone, which not every runtime heeds: ONNX Runtime forgets the list where it moves a node to
/// another layout.
package protocol AxisSubset: Operator {
    /// The node with all axes told of; nil where they are, or that cannot be said.
    func tellingAllAxes(of node: Node, in graph: GraphIndex) throws -> GraphEdit?
}

extension GraphBuilder {
    /// The extents of `value`, with others along some axes.
    func shape(of value: ValueName, replacing axes: [Int], by extents: ValueName) throws -> ValueName {
        try add(ScatterElements(), shape(of: value), integers(axes, name: "axes"), extents)
    }
}
