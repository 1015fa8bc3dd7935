package import WinnowGraph
import WinnowTensor

/// Multiplication by `scale` and addition of `shift`, one of each for every index of an axis.
package struct AxisAffine: Sendable {
    package var scale: [Float]
    package var shift: [Float]

    package init(scale: [Float], shift: [Float]) {
        self.scale = scale
        self.shift = shift
    }

    /// Both one after the other.
    package func followed(by next: AxisAffine) -> AxisAffine {
        AxisAffine(
            scale: zip(scale, next.scale).map { $0 * $1 },
            shift: shift.indices.map { shift[$0] * next.scale[$0] + next.shift[$0] })
    }
}

/// An operator that multiplies each channel of a value by a constant and adds one to it.
package protocol ChannelAffine: Operator {
    /// What it does to the indices of `axis` of `value`, which the node reads; nil unless that is constant, and all it does.
    func affine(of node: Node, on value: ValueName, axis: Int, in graph: GraphIndex) -> AxisAffine?
}

extension GraphIndex {
    /// The other operand of a node that reads `value`, as one number for each index of one of the value's axes; nil unless it
    /// is constant and leaves the shape as it is.
    func channelConstant(besides value: ValueName, of node: Node, axis: Int) -> [Float]? {
        guard node.inputs.count == 2, node.inputs[0] != node.inputs[1],
            let tensor = constant(node.inputs[0] == value ? node.inputs[1] : node.inputs[0]), tensor.elementType == .float32,
            let extents = info(of: value)?.extents, extents.indices.contains(axis), let channels = extents[axis].value,
            tensor.rank <= extents.count
        else { return nil }
        if tensor.elementCount == 1 { return [Float](repeating: tensor.floats()[0], count: channels) }
        let position = tensor.rank - extents.count + axis
        guard tensor.elementCount == channels, position >= 0, tensor.shape[position] == channels else { return nil }
        return tensor.floats()
    }
}
