public import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Gives each channel between two layers the same range in the one's outputs and the other's inputs:
/// s = √(r₁/r₂), W₁ ← W₁/s, b₁ ← b₁/s, W₂ ← W₂·s (Nagel et al. 2019, section 4.1).
public struct CrossLayerEqualization: Pass {
    public static let name = "cross-layer-equalization"
    public static let summary = "evens out the ranges of channels between layers, so that few bits do for all; needs no data"
    public static let guide = """
        Where channels of a layer differ in range, one scale for all leaves the small ones few codes. Between a layer and those \
        that read it lie only nodes that pass positive factors of channels (Relu, LeakyRelu, PRelu, pooling, Flatten, Transpose, \
        added constants), so a channel may be divided by s in the one and multiplied in the others: the model computes the same, \
        up to rounding of floats. With s = √(r₁/r₂), r the largest magnitude of the channel in either weight, both ranges become \
        √(r₁r₂); rounds follow each other until no factor changes. Run fold-batch-norm before. A Clip such as Relu6 has one \
        bound for all channels and is refused by name, or becomes Relu and Min with a bound for each channel. absorb-biases then \
        takes from each channel what it always exceeds and gives it to the biases of the layers that read it. It pays where \
        weights have one scale a tensor, and for activations, which always have one.
        """

    @Hyperparameter("what becomes of Clip between layers: refused, or bounds for each channel, which takes two nodes")
    public var clips = ClipChoice.refused
    @Hyperparameter("rounds over all layers, at most", in: 1...1000) public var iterations = 20
    @Hyperparameter(
        "what a channel always exceeds goes into biases of its readers: mean − 3σ of its BatchNormalization, or the data's least")
    public var absorbBiases = BiasAbsorption.none
    @Hyperparameter(
        "also into convolutions that pad with zeros, whose outputs at borders then change",
        counts: .with("absorb-biases", ["normalizations", "data"]))
    public var absorbPadded = false
    @Hyperparameter(
        "calibration samples to run at most, with absorb-biases data", in: 1...1e9, counts: .with("absorb-biases", ["data"]))
    public var samples = 128
    public var choice = WeightChoice()

    public init() {}

    public var needs: PassNeeds { absorbBiases == .data ? .calibration : .nothing }

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        let between = ChannelsBetweenLayers(graph, clips, try choice.selection(in: graph))
        let pairs = between.chosen.filter { if case .layer = $0.source { true } else { false } }
        var scaling = ChannelScaling(graph)
        var factors: [String: [Float]] = [:]
        let before = pairs.flatMap { $0.ranges(in: scaling) }
        for _ in 0..<iterations {
            var largest: Float = 1
            for channels in pairs {
                let (own, others) = channels.bothRanges(in: scaling)
                let step = zip(own, others).map { own, other -> Float in
                    own > 0 && other > 0 ? min(max((own / other).squareRoot(), 1e-5), 1e5) : 1
                }
                largest = step.reduce(largest) { max($0, $1, 1 / $1) }
                factors[channels.node.name] = factors[channels.node.name].map { zip($0, step).map { $0 * $1 } } ?? step
                if step.contains(where: { $0 != 1 }) { scaling.divide(channels, by: step) }
            }
            if largest < 1.001 { break }
        }
        let after = pairs.flatMap { $0.ranges(in: scaling) }
        let changes = zip(before, after).map { ($0.name, $0.spread, $1.spread) }
        let result = try between.result(
            scaling, changes, .channelSpread, "", idle: "no layer reads its channels, and none makes them for it")
        guard absorbBiases != .none else { return result }
        let names = Set(pairs.map(\.node.name))
        let all = ScalableChannels.all(in: result.graph, replacesClips: false).found.filter { names.contains($0.node.name) }
        let least = absorbBiases == .data
            ? try all.leastNumbers(in: result.graph, context, sampleCount: samples)
            : try all.normalizedLeast(in: graph, from: context.teacher ?? graph, divided: factors)
        let absorbed = try result.graph.absorbing(least, of: all, acceptsPadding: absorbPadded)
        let changed = Set(absorbed.findings.map(\.subject))
        let others = result.findings.filter { $0.status != .kept || !changed.contains($0.subject) }
        return PassResult(graph: absorbed.graph, findings: others + absorbed.findings)
    }
}

/// What becomes of a Clip whose channels get factors.
public enum ClipChoice: String, HyperparameterChoice, Codable {
    case refused
    /// Max and Min, or Relu and Min, with a bound for each channel.
    case perChannel = "per-channel"
}

extension ScalableChannels {
    /// The largest magnitude of each channel where a layer makes it, and in all the weights that read it.
    func bothRanges(in scaling: ChannelScaling) -> (own: [Float], others: [Float]) {
        var (own, others) = ([Float](repeating: 0, count: count), [Float](repeating: 0, count: count))
        if case .layer(let contraction) = source {
            let matrix = scaling.matrix(contraction)
            for row in 0..<matrix.rows {
                for column in 0..<matrix.columns { own[row] = max(own[row], matrix[row, column].magnitude) }
            }
        }
        for reader in readers {
            let matrix = scaling.matrix(reader.contraction)
            for row in 0..<matrix.rows {
                for column in 0..<matrix.columns {
                    let channel = reader.contraction.input(row: row, column: column) / reader.width
                    others[channel] = max(others[channel], matrix[row, column].magnitude)
                }
            }
        }
        return (own, others)
    }

    /// How far the ranges of the channels differ in the weight that makes them: largest by mean.
    fileprivate func ranges(in scaling: ChannelScaling) -> [(name: ValueName, spread: Double)] {
        guard case .layer(let contraction) = source else { return [] }
        let own = bothRanges(in: scaling).own.map(Double.init)
        let mean = own.reduce(0, +) / Double(max(1, own.count))
        return [(contraction.site.tensor, mean > 0 ? (own.max() ?? 0) / mean : 1)]
    }
}
