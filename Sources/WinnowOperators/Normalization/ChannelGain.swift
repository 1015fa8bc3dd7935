package import WinnowGraph

/// An operator whose first output is linear in some inputs together that have one number for each index of an axis: times factors
/// they put the factors on the output.
package protocol ChannelGain: Operator {
    /// The inputs, and the axis of the output, counted from the end; nil where they have more axes.
    func gain(of node: Node, in graph: GraphIndex) -> (inputs: [Int], axis: Int)?
}

/// Numbers by their root mean square over all axes from `axis` on, times a scale (input 1), and where means are taken plus a shift (input 2).
package protocol RowNormalization: ChannelGain {
    var axis: Int { get }
    /// Whether their mean is taken from them first.
    var takesMeans: Bool { get }
}

extension RowNormalization {
    package func gain(of node: Node, in graph: GraphIndex) -> (inputs: [Int], axis: Int)? {
        graph.info(of: node.input(1))?.rank == 1 ? (takesMeans ? [1, 2] : [1], -1) : nil
    }
}

extension LayerNormalization: RowNormalization {
    package var takesMeans: Bool { true }
}

extension RMSNormalization: RowNormalization {
    package var takesMeans: Bool { false }
}

extension SimplifiedLayerNormalization: RowNormalization {
    package var takesMeans: Bool { false }
}

extension BatchNormalization: ChannelGain {
    package func gain(of node: Node, in graph: GraphIndex) -> (inputs: [Int], axis: Int)? {
        guard !isMarkedTraining, let rank = graph.info(of: node.input(0))?.rank else { return nil }
        return ([1, 2], 1 - rank)
    }
}

extension SkipLayerNormalization: ChannelGain {
    package func gain(of node: Node, in graph: GraphIndex) -> (inputs: [Int], axis: Int)? { ([2, 3], -1) }
}

extension SkipSimplifiedLayerNormalization: ChannelGain {
    package func gain(of node: Node, in graph: GraphIndex) -> (inputs: [Int], axis: Int)? { ([2], -1) }
}

extension InstanceNormalization: ChannelGain {
    package func gain(of node: Node, in graph: GraphIndex) -> (inputs: [Int], axis: Int)? {
        graph.info(of: node.input(0))?.rank.map { ([1, 2], 1 - $0) }
    }
}
