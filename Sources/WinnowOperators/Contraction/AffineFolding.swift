package import WinnowGraph
package import WinnowTensor

extension GraphIndex {
    /// The contents of a value that follow from the graph alone.
    func known(_ value: ValueName) -> Tensor? {
        constant(value) ?? info(of: value).flatMap { $0.isGuess ? nil : $0.constant }
    }

    /// The number that a node multiplies a value by; nil where it does something else.
    func numericFactor(of node: Node, on value: ValueName) -> Float? {
        guard node.inputs.count == 2, node.inputs[0] != node.inputs[1],
            let tensor = known(node.inputs[0] == value ? node.inputs[1] : node.inputs[0]), tensor.elementType == .float32,
            tensor.elementCount == 1, tensor.rank <= info(of: value)?.rank ?? 0
        else { return nil }
        let number = tensor.floats()[0]
        if node.op is Mul { return number }
        return node.op is Div && node.inputs[0] == value && number != 0 ? 1 / number : nil
    }
}

/// A contraction whose filter has one axis that becomes the output's channels.
package protocol ChannelContraction: Operator {
    /// The filter axis that becomes an axis of the output, and that axis; nil where there is none.
    func channelAxes(of node: Node, in graph: GraphIndex) -> (filter: Int, output: Int)?
    /// The factor a bias at input 2 is multiplied by.
    var biasFactor: Float { get }
    /// The same with a bias that is taken as it is.
    var withPlainBias: Self { get }
}

/// Filter and bias of a contraction with what follows in them.
package struct FoldedAffine: Sendable {
    /// nil: it stays as it is.
    package let filter: Tensor?
    /// One number for each channel.
    package let bias: Tensor
}

extension ChannelContraction {
    package var biasFactor: Float { 1 }
    package var withPlainBias: Self { self }

    /// Filter and bias with `affine` on the output's channels in them; nil where one is not constant or does not fit.
    package func folding(_ affine: AxisAffine, into node: Node, in graph: GraphIndex) -> FoldedAffine? {
        guard let axis = channelAxes(of: node, in: graph)?.filter, let bias = channelBias(of: node, count: affine.scale.count, in: graph)
        else { return nil }
        var filter: Tensor?
        if affine.scale.contains(where: { $0 != 1 }) {
            filter = graph.constant(node.input(1)).flatMap { scaled($0, along: axis, by: affine.scale) }
            if filter == nil { return nil }
        }
        return FoldedAffine(
            filter: filter, bias: Tensor(bias.indices.map { bias[$0] * affine.scale[$0] + affine.shift[$0] }))
    }

    /// The bias for each channel; nil where it is not constant, or differs between rows.
    private func channelBias(of node: Node, count: Int, in graph: GraphIndex) -> [Float]? {
        guard let name = node.input(2) else { return [Float](repeating: 0, count: count) }
        guard let bias = graph.constant(name), bias.elementType == .float32,
            bias.elementCount == 1 || (bias.elementCount == count && bias.shape.last == count)
        else { return nil }
        let values = bias.floats()
        return (0..<count).map { values[values.count == 1 ? 0 : $0] * biasFactor }
    }

    /// When planned: an edit that puts a following batch normalization, factor or term into constant filter and bias; nil
    /// where there is none, where something is not constant, or where someone else reads the result in between.
    func foldingAffine(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        guard let value = node.output(0), let consumer = graph.soleConsumer(of: value), node.input(3) == nil,
            let axes = channelAxes(of: node, in: graph), graph.info(of: value)?.elementType == .float32,
            let affine = (consumer.op as? any ChannelAffine)?.affine(of: consumer, on: value, axis: axes.output, in: graph),
            let folded = folding(affine, into: node, in: graph)
        else { return nil }
        let base = node.input(1) ?? node.name
        let filterName = folded.filter == nil ? base : graph.graph.freshValueName("\(base).folded")
        let biasName = graph.graph.freshValueName("\(base).bias")
        var edit = GraphEdit(replacing: node, and: consumer, by: withPlainBias, [node.inputs[0], filterName, biasName])
        edit.initializers = (folded.filter.map { [(filterName, $0)] } ?? []) + [(biasName, folded.bias)]
        return edit
    }

    /// nil where factors and filter do not fit. The axis repeats to give all channels of transposed convolutions with groups.
    private func scaled(_ filter: Tensor, along axis: Int, by factors: [Float]) -> Tensor? {
        guard filter.elementType == .float32, filter.rank > axis, filter.shape[axis] > 0,
            factors.count % filter.shape[axis] == 0
        else { return nil }
        return filter.scaled(along: axis, groups: factors.count / filter.shape[axis], by: factors)
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
    package func channelAxes(of node: Node, in graph: GraphIndex) -> (filter: Int, output: Int)? { (0, 1) }
}
