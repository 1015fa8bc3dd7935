import WinnowGraph
import WinnowKernels
import WinnowTensor

/// A weight that makes channels of a group, with the numbers that the layer reads.
package struct ChannelMember: Sendable, Identifiable {
    /// A weight may make channels of several groups.
    package struct ID: Hashable, Sendable {
        let operand: ValueName
        let group: Int
    }

    let weight: ChannelWeight
    let group: CouplingGroups.Group
    let coupling: CouplingGroups
    private let values: Tensor
    /// The channel of each element in storage order, −1: none of the group's.
    let channels: [Int32]

    package var id: ID { ID(operand: weight.operand, group: group.id) }

    /// nil where what the node reads cannot be computed, or its axis is not known.
    init?(_ weight: ChannelWeight, of group: CouplingGroups.Group, _ coupling: CouplingGroups, _ graph: Graph) {
        guard let axis = weight.axis, let values = graph.numbers(of: weight.operand), values.shape.indices.contains(axis),
            let places = coupling.channels(of: weight.operand, axis: axis, in: group)
        else { return nil }
        (self.weight, self.group, self.coupling, self.values) = (weight, group, coupling, values)
        let (extent, inner) = (values.shape[axis], values.shape[(axis + 1)...].reduce(1, *))
        channels = (0..<values.elementCount).map { index in places[(index / inner) % extent].map { Int32($0) } ?? -1 }
    }

    /// What is wrong with its numbers; nil if all are finite.
    var flaw: String? { values.finiteness }

    /// In storage order.
    var floats: [Float] { values.floats() }

    /// For each channel the numbers that make it.
    var numbers: [[Double]] {
        var numbers = [[Double]](repeating: [], count: group.channelCount)
        for piece in values.pieces {
            for (index, value) in zip(piece, values.doubles(in: piece)) where channels[index] >= 0 {
                numbers[Int(channels[index])].append(value)
            }
        }
        return numbers
    }

    /// The value that the next layer sees of the channels, and its axis: what becomes of the layer's output, element by
    /// element, before another layer or several read it.
    func activation(in graph: GraphIndex) -> (value: ValueName, axis: Int, channels: [Int?])? {
        guard let output = weight.node.output(0), let axis = axis(of: output, in: graph) else { return nil }
        let value = path(in: graph).last?.output(0) ?? output
        guard graph.info(of: value)?.elementType == .float32, let places = coupling.channels(of: value, axis: axis, in: group)
        else { return nil }
        return (value, axis, places)
    }

    /// The nodes behind the layer that keep shape and channels, each the only one that reads the one before.
    func path(in graph: GraphIndex) -> [Node] {
        guard var value = weight.node.output(0), let axis = axis(of: value, in: graph) else { return [] }
        var nodes: [Node] = []
        while !graph.isOutput(value), let next = graph.soleConsumer(of: value), let output = next.output(0),
            next.op.quantization != .contraction, let extents = graph.info(of: value)?.extents,
            graph.info(of: output)?.extents == extents, coupling.isSameAxis(axis, of: value, as: output)
        {
            nodes.append(next)
            value = output
        }
        return nodes
    }

    /// The axis of the layer's output along which the channels lie.
    private func axis(of output: ValueName, in graph: GraphIndex) -> Int? {
        graph.info(of: output)?.extents?.indices.first { axis in
            coupling.channels(of: output, axis: axis, in: group)?.contains { $0 != nil } ?? false
        }
    }
}

extension CouplingGroups {
    /// The channel of the group that each place along an axis belongs to; nil where the axis was not met.
    func channels(of value: ValueName, axis: Int, in group: Group) -> [Int?]? {
        classID(of: value, axis: axis).map { classes.channels(of: $0, in: group.id) }
    }

    /// Whether an axis of two values is one axis.
    func isSameAxis(_ axis: Int, of first: ValueName, as second: ValueName) -> Bool {
        guard let a = classID(of: first, axis: axis), let b = classID(of: second, axis: axis) else { return false }
        return classes.root(of: a) == classes.root(of: b)
    }
}
