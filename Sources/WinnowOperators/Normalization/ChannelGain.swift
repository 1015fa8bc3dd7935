package import WinnowGraph

/// An operator whose first output is linear in some inputs together that have one number for each index of an axis: times factors
/// they put the factors on the output.
package protocol ChannelGain: Operator {
    /// The inputs, and the axis of the output, counted from the end; nil where they have more axes.
    func gain(of node: Node, in graph: GraphIndex) -> (inputs: [Int], axis: Int)?
}

extension BatchNormalization: ChannelGain {
    package func gain(of node: Node, in graph: GraphIndex) -> (inputs: [Int], axis: Int)? {
        guard !isMarkedTraining, let rank = graph.info(of: node.input(0))?.rank else { return nil }
        return ([1, 2], 1 - rank)
    }
}

extension LayerNormalization: ChannelGain {
    package func gain(of node: Node, in graph: GraphIndex) -> (inputs: [Int], axis: Int)? {
        graph.info(of: node.input(1))?.rank == 1 ? ([1, 2], -1) : nil
    }
}

extension RMSNormalization: ChannelGain {
    package func gain(of node: Node, in graph: GraphIndex) -> (inputs: [Int], axis: Int)? {
        graph.info(of: node.input(1))?.rank == 1 ? ([1], -1) : nil
    }
}

extension SkipLayerNormalization: ChannelGain {
    package func gain(of node: Node, in graph: GraphIndex) -> (inputs: [Int], axis: Int)? { ([2, 3], -1) }
}

extension InstanceNormalization: ChannelGain {
    package func gain(of node: Node, in graph: GraphIndex) -> (inputs: [Int], axis: Int)? {
        graph.info(of: node.input(0))?.rank.map { ([1, 2], 1 - $0) }
    }
}
