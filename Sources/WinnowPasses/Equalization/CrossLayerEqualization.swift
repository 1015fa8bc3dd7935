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
        bound for all channels and is refused by name, or becomes Relu and Min with a bound for each channel. It pays where \
        weights have one scale a tensor, and for activations, which always have one.
        """

    @Hyperparameter("what becomes of Clip between layers: refused, or bounds for each channel, which takes two nodes")
    public var clips = ClipChoice.refused
    @Hyperparameter("rounds over all layers, at most", in: 1...1000) public var iterations = 20
    public var choice = WeightChoice()

    public init() {}

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        let between = ChannelsBetweenLayers(graph, clips, try choice.selection(in: graph))
        let pairs = between.chosen.filter { if case .layer = $0.source { true } else { false } }
        var scaling = ChannelScaling(graph)
        let before = pairs.flatMap { $0.ranges(in: scaling) }
        for _ in 0..<iterations {
            var largest: Float = 1
            for channels in pairs {
                let (own, others) = channels.bothRanges(in: scaling)
                let factors = zip(own, others).map { own, other -> Float in
                    own > 0 && other > 0 ? min(max((own / other).squareRoot(), 1e-5), 1e5) : 1
                }
                largest = factors.reduce(largest) { max($0, $1, 1 / $1) }
                if factors.contains(where: { $0 != 1 }) { scaling.divide(channels, by: factors) }
            }
            if largest < 1.001 { break }
        }
        let after = pairs.flatMap { $0.ranges(in: scaling) }
        let changes = zip(before, after).map { ($0.name, $0.spread, $1.spread) }
        return try between.result(
            scaling, changes, .channelSpread, "", idle: "no layer reads its channels, and none makes them for it")
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
