package import WinnowGraph
import WinnowTensor

/// An operator that multiplies each channel (axis 1) of a value by a constant and adds one to it.
package protocol ChannelAffine: Operator {
    /// One factor and one term for each channel of `value`, which the node reads; nil unless they are constant.
    func affine(of node: Node, on value: ValueName, in graph: GraphIndex) -> (scale: [Float], shift: [Float])?
}

extension GraphIndex {
    /// The other operand of a node that reads `value`, as one number for each of the value's channels; nil unless it is
    /// constant and leaves the shape as it is.
    func channelConstant(besides value: ValueName, of node: Node) -> [Float]? {
        guard node.inputs.count == 2, node.inputs[0] != node.inputs[1],
            let tensor = constant(node.inputs[0] == value ? node.inputs[1] : node.inputs[0]), tensor.elementType == .float32,
            let extents = info(of: value)?.extents, extents.count > 1, let channels = extents[1].value,
            tensor.rank <= extents.count
        else { return nil }
        if tensor.elementCount == 1 { return [Float](repeating: tensor.floats()[0], count: channels) }
        guard tensor.elementCount == channels, tensor.rank >= extents.count - 1,
            tensor.shape[tensor.rank - extents.count + 1] == channels
        else { return nil }
        return tensor.floats()
    }
}

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
    /// The filter axis that becomes the output's channels; nil where the output has no channel axis 1.
    func filterChannelAxis(of node: Node, in graph: GraphIndex) -> Int?
    /// The factor a bias at input 2 is multiplied by.
    var biasFactor: Float { get }
}

extension ChannelContraction {
    package var biasFactor: Float { 1 }

    /// An edit that puts a following batch normalization, factor or term into constant filter and bias; nil where there is
    /// none, where something is not constant, or where someone else reads the result in between.
    package func foldingAffine(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        guard let value = node.output(0), let consumer = graph.soleConsumer(of: value), node.input(3) == nil,
            let axis = filterChannelAxis(of: node, in: graph), graph.info(of: value)?.elementType == .float32,
            let affine = (consumer.op as? any ChannelAffine)?.affine(of: consumer, on: value, in: graph)
        else { return nil }
        var filter: Tensor?
        if affine.scale.contains(where: { $0 != 1 }) {
            filter = graph.constant(node.input(1)).flatMap { scaled($0, along: axis, by: affine.scale) }
            if filter == nil { return nil }
        }
        var bias = [Float](repeating: 0, count: affine.scale.count)
        if let name = node.input(2) {
            guard let old = graph.constant(name), old.elementCount == bias.count || old.elementCount == 1 else { return nil }
            let values = old.floats()
            bias = bias.indices.map { values[values.count == 1 ? 0 : $0] * biasFactor }
        }
        bias = bias.indices.map { (bias[$0] * affine.scale[$0] + affine.shift[$0]) / biasFactor }
        let base = node.input(1) ?? node.name
        let filterName = filter == nil ? base : graph.graph.freshValueName("\(base).folded")
        let biasName = graph.graph.freshValueName("\(base).bias")
        var edit = replacing(node, and: consumer, by: self, [node.inputs[0], filterName, biasName])
        edit.initializers = (filter.map { [(filterName, $0)] } ?? []) + [(biasName, Tensor(bias))]
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
    package func filterChannelAxis(of node: Node, in graph: GraphIndex) -> Int? { 0 }
}
