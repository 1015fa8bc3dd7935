import WinnowEngine
import WinnowGraph
import WinnowOperators
import WinnowTensor
import WinnowTraining

/// A layer with the BatchNormalization behind it, which is trained in the layer's weight.
private struct NormalizedLayer {
    let node: Node
    let weight: ValueName
    /// The filter's axis of channels.
    let axis: Int
    let bias: ValueName?
    let normalization: Node
    let op: BatchNormalization
    private let folded: FoldedAffine

    /// What stands for the layer and what comes behind it, and the numbers that it reads.
    var plain: (node: Node, filter: Tensor?, bias: Tensor) {
        let contraction = node.op as? any ChannelContraction
        let op: any Operator = contraction?.withPlainBias ?? node.op
        return (Node(name: node.name, op: op, inputs: [node.inputs[0], weight], outputs: normalization.outputs, notes: node.notes), folded.filter, folded.bias)
    }

    /// nil where the two cannot be one layer: what is in between is read by others, numbers are shared, or channels are not the filter's.
    init?(_ node: Node, in index: GraphIndex) {
        guard let contraction = node.op as? any ChannelContraction, type(of: contraction).maximumInputCount > 2, node.input(3) == nil,
            let weight = node.input(1), index.soleConsumer(of: weight) != nil, let filter = index.constant(weight), filter.elementType == .float32,
            let axes = contraction.channelAxes(of: node, in: index), axes.output == 1, let value = node.output(0),
            let normalization = index.soleConsumer(of: value), let op = normalization.op as? BatchNormalization,
            let affine = op.affine(of: normalization, on: value, axis: 1, in: index), filter.shape[axes.filter] == affine.scale.count,
            normalization.inputs[3...4].allSatisfy({ index.soleConsumer(of: $0) != nil }),
            node.op.hasNoFactors
        else { return nil }
        let bias = node.input(2)
        guard bias == nil || index.soleConsumer(of: bias) != nil && index.constant(bias)?.shape == [affine.scale.count],
            let folded = contraction.folding(affine, into: node, in: index)
        else { return nil }
        (self.node, self.weight, axis, self.bias, self.normalization, self.op) = (node, weight, axes.filter, bias, normalization, op)
        self.folded = folded
    }
}

/// The BatchNormalizations of a model that are trained in the weights of the layers before them.
///
/// Training sees Ŵ = Q(W · γ/√(σ²+ε)), σ the running one, as the file will have it, and normalizes (Ŵ∗x)·√(σ²+ε)/γ + b by the statistics
/// of the batch, later by the running ones (Jacob et al. 2018, section 3.2; Krishnamoorthi 2018, section 3.2.2, as torch has it). With the
/// running ones it is the folded layer.
struct TrainedNormalizations {
    private let layers: [NormalizedLayer]
    private let masks: [ValueName: Tensor]
    private let original: Graph
    /// The model with layers and normalizations in one.
    let folded: Graph
    /// The part of the run after which statistics stay.
    private let end: Double

    init(_ graph: Graph, _ course: QuantizationCourse) throws {
        original = graph
        end = course.freezeStatistics
        guard course.foldBatchNorm else { (layers, masks, folded) = ([], [:], graph); return }
        let normalized = Set(graph.nodes.filter { $0.op is BatchNormalization }.compactMap { $0.input(0) })
        let index = GraphIndex(graph)
        let masked = graph.maskNodes.filter { node, _, _ in
            index.soleConsumer(of: node.output(0)).map { $0.outputs.contains(where: normalized.contains) } ?? false
        }
        let plain = try graph.foldingMasks(only: Set(masked.map(\.mask)))
        let plainIndex = GraphIndex(plain)
        layers = plain.nodes.compactMap { NormalizedLayer($0, in: plainIndex) }
        let weights = Set(layers.map(\.weight))
        masks = Dictionary(masked.filter { weights.contains($0.weight) }.compactMap { _, weight, mask in
            graph.initializers[mask].map { (weight, $0) }
        }, uniquingKeysWith: { first, _ in first })
        guard !layers.isEmpty else { folded = graph; return }
        let left = try graph.foldingMasks(only: Set(masked.filter { weights.contains($0.weight) }.map(\.mask)))
        var (edit, names) = (GraphEdit(), FreshNames(left))
        for layer in layers {
            var (node, filter, bias) = layer.plain
            node.inputs.append(layer.bias ?? names.value("\(node.name).bias"))
            edit.removedNodes.formUnion([node.name, layer.normalization.name])
            edit.addedNodes.append(node)
            edit.initializers += (filter.map { [(layer.weight, $0)] } ?? []) + [(node.inputs[2], bias)]
        }
        folded = try left.applying(edit)
    }

    /// Names of what comes back when training begins, which nothing else may have.
    var names: Set<ValueName> { layers.isEmpty ? [] : Set(original.infos.keys) }

    /// `graph`, made of the folded one, with the normalizations as training sees them.
    func unfolding(_ graph: Graph) throws -> Graph {
        guard !layers.isEmpty else { return graph }
        // Numbers that folding left unread come back under their names.
        var (edit, names) = (GraphEdit(), FreshNames(graph, avoiding: Set(original.infos.keys)))
        let flag = names.value(Self.flag)
        edit.initializers.append((flag, Tensor(scalar: Float(0))))
        for layer in layers {
            guard var node = graph.node(named: layer.node.name), let output = node.output(0) else { continue }
            func constant(_ part: String, _ tensor: Tensor) -> ValueName {
                let value = names.value("\(layer.normalization.name).\(part)")
                edit.initializers.append((value, tensor))
                return value
            }
            func add(_ part: String, _ op: any Operator, _ inputs: [ValueName]) -> ValueName {
                let value = names.value("\(layer.normalization.name).\(part)")
                edit.addedNodes.append(Node(name: names.node("\(layer.normalization.name).\(part)"), op: op, inputs: inputs, outputs: [value]))
                return value
            }
            let inputs = layer.normalization.inputs
            for name in [layer.weight, layer.bias].compactMap({ $0 }) + inputs[1...4] {
                if let own = original.initializers[name] { edit.initializers.append((name, own)) }
            }
            let rank = original.initializers[layer.weight]?.rank ?? 2
            func shape(_ axis: Int, _ rank: Int) -> Tensor { Tensor((0..<rank).map { $0 == axis ? Int64(-1) : 1 }) }
            let deviation = add("deviation", Sqrt(), [add("variance", Add(), [inputs[4], constant("epsilon", Tensor(scalar: layer.op.epsilon))])])
            let factor = add("factor", Div(), [inputs[1], deviation])
            let wide = add("filter-factor", Reshape(), [factor, constant("filter-shape", shape(layer.axis, rank))])
            let filter = add("filter", Mul(), [layer.weight, wide])
            edit.rewired[layer.weight] = filter
            // Channels of factor 0 are 0 whatever they are divided by.
            let isZero = add("zeros", Equal(), [factor, constant("zero", Tensor(scalar: Float(0)))])
            let one = constant("one", Tensor(scalar: Float(1)))
            // A product with few reciprocals: each quotient of many numbers costs several products, and more where it is derived.
            let reciprocal = add("reciprocal", Div(), [one, add("divisor", Where(), [isZero, one, factor])])
            let channels = constant("channel-shape", shape(0, max(1, rank - 1)))
            node.inputs = node.inputs.prefix(2).map { $0 == layer.weight ? filter : $0 }
            node.outputs = [names.value("\(node.name).product")]
            edit.removedNodes.insert(node.name)
            edit.addedNodes.append(node)
            var sums = add("sums", Mul(), [node.outputs[0], add("channel-reciprocal", Reshape(), [reciprocal, channels])])
            if let bias = layer.bias { sums = add("biased", Add(), [sums, add("channel-bias", Reshape(), [bias, channels])]) }
            edit.addedNodes.append(
                Node(
                    name: layer.normalization.name, op: FreezableBatchNormalization(layer.op), inputs: [sums] + inputs[1...4] + [flag],
                    outputs: [output]))
        }
        let unfolded = try graph.applying(edit)
        return masks.isEmpty ? unfolded : try unfolded.masking(masks)
    }

    private static let flag = "batch-norm.frozen"

    /// What ends the taking of statistics.
    func hook(in graph: Graph) -> (any TrainingHook)? {
        layers.isEmpty ? nil : FrozenStatistics(flags: Set(graph.nodes.compactMap { $0.op is FreezableBatchNormalization ? $0.input(5) : nil }), end: end)
    }

    /// A weight as its layer reads it, by its name: what multiplies its channels, and their axis.
    var factors: [ValueName: NormalizationFactor] {
        Dictionary(layers.map { layer in
            let names = layer.normalization.inputs
            return (layer.weight, NormalizationFactor(
                scale: names[1], variance: names[4], epsilon: layer.op.epsilon, axis: layer.axis, initial: original.initializers))
        }, uniquingKeysWith: { first, _ in first })
    }
}

/// γ/√(σ²+ε), by which the channels of a weight are multiplied.
struct NormalizationFactor {
    let scale: ValueName
    let variance: ValueName
    let epsilon: Float
    let axis: Int
    private let constants: (scale: [Float], variance: [Float])

    init(scale: ValueName, variance: ValueName, epsilon: Float, axis: Int, initial: [ValueName: Tensor]) {
        (self.scale, self.variance, self.epsilon, self.axis) = (scale, variance, epsilon, axis)
        constants = (initial[scale]?.floats() ?? [], initial[variance]?.floats() ?? [])
    }

    /// The weight as its layer reads it between two steps.
    func applied(to weight: Tensor, _ moment: TrainingMoment) -> Tensor {
        let scales = moment.variables[scale]?.floats() ?? constants.scale
        let variances = moment.variables[variance]?.floats() ?? constants.variance
        return weight.scaled(by: zip(scales, variances).map { Double($0 / ($1 + epsilon).squareRoot()) }, axis: axis)
    }
}

/// Lets normalizations keep their statistics from a part of the run on.
private struct FrozenStatistics: TrainingHook {
    let flags: Set<ValueName>
    let end: Double

    var variables: Set<ValueName> { flags }

    func step(_ moment: inout TrainingMoment) throws {
        guard moment.fraction >= end, end < 1 else { return }
        for flag in flags { moment.variables[flag] = Tensor(scalar: Float(1)) }
    }
}

extension Graph {
    /// The graph with normalizations that were trained in the weights of layers folded into them.
    func foldingTrainedNormalizations() throws -> Graph {
        let index = GraphIndex(self)
        var (edit, names) = (GraphEdit(), FreshNames(self))
        for node in nodes where node.op is FreezableBatchNormalization {
            guard let layer = TrainedLayer(before: node, in: index), let filter = constantValue(of: layer.filter), let output = node.output(0),
                let op = (node.op as? FreezableBatchNormalization)?.plain
            else { throw WinnowError(.model, node.name, "is no longer behind the layer it was trained with") }
            let vectors = (1..<5).map { node.input($0).flatMap { initializers[$0] }?.floats() ?? [] }
            let own = layer.bias.flatMap { initializers[$0] }?.floats()
            let bias = vectors[0].indices.map { channel in
                let factor = vectors[0][channel] / (vectors[3][channel] + op.epsilon).squareRoot()
                return vectors[1][channel] - vectors[2][channel] * factor + (own?[channel] ?? 0) * factor
            }
            var product = layer.product
            // The name that the folded layer's bias had.
            let usual = "\(product.name).bias"
            let isFree = initializers[usual] != nil && index.consumers(of: usual).isEmpty && !index.isOutput(usual)
            let name = layer.bias ?? (isFree ? usual : names.value(usual))
            product.inputs = product.inputs.map { $0 == layer.filter ? layer.weight : $0 } + [name]
            product.outputs = [output]
            edit.initializers += [(layer.weight, filter.spilled()), (product.inputs[2], Tensor(bias))]
            edit.rewired[layer.filter] = layer.weight
            edit.removedNodes.formUnion([node.name] + layer.between.map(\.name) + [product.name])
            edit.addedNodes.append(product)
        }
        return edit.addedNodes.isEmpty ? self : try applying(edit).removingDeadNodes()
    }
}

/// What `TrainedNormalizations` puts before a normalization.
private struct TrainedLayer {
    let product: Node
    /// The initializer, and what the layer reads of it.
    let weight: ValueName
    let filter: ValueName
    let bias: ValueName?
    let between: [Node]

    init?(before normalization: Node, in index: GraphIndex) {
        guard var sums = index.producer(of: normalization.input(0)) else { return nil }
        var (bias, between) = (ValueName?.none, [Node]())
        if sums.op is Add {
            guard let reshaped = index.producer(of: sums.input(1)), let inner = index.producer(of: sums.input(0)) else { return nil }
            bias = reshaped.input(0)
            between.append(sums)
            sums = inner
        }
        guard sums.op is Mul, let product = index.producer(of: sums.input(0)), var value = product.input(1) else { return nil }
        between.append(sums)
        while let node = index.producer(of: value), !(node.op is Mul), let source = node.input(0) { value = source }
        guard let factored = index.producer(of: value), factored.op is Mul, let weight = factored.input(0), index.constant(weight) != nil
        else { return nil }
        (self.product, self.weight, filter, self.bias, self.between) = (product, weight, value, bias, between + [factored])
    }
}
