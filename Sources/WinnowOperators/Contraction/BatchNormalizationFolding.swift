package import WinnowGraph
import WinnowTensor

/// A contraction whose filter has one axis that becomes the output's channels.
package protocol ChannelContraction: Operator {
    /// The filter axis that becomes the output's channels; nil where the output has no channel axis 1.
    func filterChannelAxis(of node: Node, in graph: GraphIndex) -> Int?
    /// The factor a bias at input 2 is multiplied by.
    var biasFactor: Float { get }
}

extension ChannelContraction {
    package var biasFactor: Float { 1 }

    /// An edit that multiplies a following batch normalization into constant filter and bias; nil where there is none, where
    /// filter or statistics are not constant, or where someone else reads the result in between.
    package func foldingBatchNormalization(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        guard let consumer = graph.soleConsumer(of: node.output(0)),
            let normalization = consumer.op as? BatchNormalization, consumer.input(0) == node.output(0),
            let affine = normalization.affine(of: consumer, in: graph), node.input(3) == nil,
            let axis = filterChannelAxis(of: node, in: graph),
            let filter = graph.constant(node.input(1)), filter.elementType == .float32, filter.rank > axis,
            let channelGroups = channelGroups(filter.shape[axis], affine.scale.count)
        else { return nil }
        var bias = [Float](repeating: 0, count: affine.scale.count)
        if let name = node.input(2) {
            guard let old = graph.constant(name), old.elementCount == bias.count || old.elementCount == 1 else { return nil }
            let values = old.floats()
            bias = bias.indices.map { values[values.count == 1 ? 0 : $0] * biasFactor }
        }
        bias = bias.indices.map { (bias[$0] * affine.scale[$0] + affine.shift[$0]) / biasFactor }
        let base = node.input(1) ?? node.name
        let filterName = graph.graph.freshValueName("\(base).folded")
        let biasName = graph.graph.freshValueName("\(base).bias")
        var edit = replacing(node, and: consumer, by: self, [node.inputs[0], filterName, biasName])
        edit.initializers = [
            (filterName, filter.scaled(along: axis, groups: channelGroups, by: affine.scale)),
            (biasName, Tensor(bias)),
        ]
        return edit
    }

    /// How many times the filter axis is repeated to give all channels (transposed convolutions with groups).
    private func channelGroups(_ extent: Int, _ channels: Int) -> Int? {
        extent > 0 && channels % extent == 0 ? channels / extent : nil
    }
}

extension Tensor {
    /// Float32 elements times one factor for each index of `axis`; with groups, axis 0 is split into that many parts, each
    /// with its own run of factors.
    func scaled(along axis: Int, groups: Int = 1, by factors: [Float]) -> Tensor {
        let extent = shape[axis]
        let inner = Shape(Array(shape.dropFirst(axis + 1))).elementCount
        let groupCount = elementCount / Swift.max(groups, 1)
        var result = self
        result.withMutableElements(Float.self) { elements in
            for index in elements.indices {
                elements[index] *= factors[index / groupCount * extent + index / inner % extent]
            }
        }
        return result
    }
}

extension Conv: ChannelContraction {
    package func filterChannelAxis(of node: Node, in graph: GraphIndex) -> Int? { 0 }
}
