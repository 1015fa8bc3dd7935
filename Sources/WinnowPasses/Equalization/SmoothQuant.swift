import Foundation
import WinnowEngine
public import WinnowGraph
import WinnowTensor

/// Moves what makes activations hard to round into the weights: s_j = max|x_j|^α / max|w_j|^(1−α), X ← X/s, W ← W·s
/// (Xiao et al. 2023, equation 4).
public struct SmoothQuant: Pass {
    public static let name = "smooth-quant"
    public static let summary = "moves outliers of activations into weights, so that 8 bits do for both"
    public static let guide = """
        Transformers have a few channels a hundred times larger than the rest, and activations have one scale for all. Each \
        input channel j of a layer is divided by s_j = max|x_j|^α / max|w_j|^(1−α), no less than 1e-5, and its weights are \
        multiplied: the model computes the same. The division goes into what makes the channel: scale and shift of \
        LayerNormalization, RMS or BatchNormalization, a factor, or the layer before, where nothing but what passes factors lies \
        between (Relu, Transpose, added constants). Layers that read the same value share their factors, max|w_j| over all of \
        them. Use it before static-quantization. Larger α puts more into the weights.
        """

    @Hyperparameter("how much of the difficulty goes into the weights", in: 0...1) public var alpha = 0.5
    @Hyperparameter("calibration samples to run at most", in: 1...1e9) public var samples = 512
    @Hyperparameter("what becomes of Clip between layers: refused, or bounds for each channel, which takes two nodes")
    public var clips = ClipChoice.refused
    public var choice = WeightChoice()

    public init() {}

    public var needs: PassNeeds { .calibration }

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        let between = ChannelsBetweenLayers(graph, clips, try choice.selection(in: graph))
        var scaling = ChannelScaling(graph)
        var changes: [(ValueName, Double, Double)] = []
        let activity = try between.chosen.nearest.inputActivity(in: graph, context, samples)
        for channels in between.chosen.nearest {
            guard let inputs = channels.perChannel(activity, \.largest) else { continue }
            let weights = channels.bothRanges(in: scaling).others
            let factors = zip(inputs, weights).map { input, weight -> Float in
                guard input > 0, weight > 0 else { return 1 }
                return max(Float(pow(Double(input), alpha) / pow(Double(weight), 1 - alpha)), 1e-5)
            }
            scaling.divide(channels, by: factors)
            let smoothed = zip(inputs, factors).map { $0 / $1 }
            for reader in channels.readers {
                changes.append((reader.contraction.site.tensor, inputs.spread, smoothed.spread))
            }
        }
        return try between.result(
            scaling, changes, .channelSpread, "of its inputs", idle: "nothing before it takes the factors of its inputs")
    }
}

extension [Float] {
    /// The largest by the mean.
    fileprivate var spread: Double {
        let mean = reduce(0) { $0 + Double($1) } / Double(Swift.max(1, count))
        return mean > 0 ? Double(self.max() ?? 0) / mean : 1
    }
}

extension [ScalableChannels] {
    /// How active the inputs of all readers are over calibration data, by value.
    func inputActivity(in graph: Graph, _ context: PassContext, _ sampleCount: Int) throws -> [ValueName: ChannelActivity] {
        guard !isEmpty else { return [:] }
        var statistics = Statistics()
        let contractions = flatMap(\.readers).map(\.contraction)
        for contraction in contractions {
            let extent = contraction.inputCount * contraction.groupCount
            statistics.request(ChannelActivity(axis: contraction.dataAxis, extent: extent), of: contraction.data)
        }
        try statistics.gather(in: graph, context: context, sampleCount: sampleCount)
        let found = contractions.compactMap { contraction in
            statistics[contraction.data, ChannelActivity.self].map { (contraction.data, $0) }
        }
        return Dictionary(found, uniquingKeysWith: { first, _ in first })
    }
}

extension ScalableChannels {
    /// The largest of a number of all inputs that are one channel; nil where one of the values was not seen, or has no finite
    /// numbers.
    func perChannel(_ activity: [ValueName: ChannelActivity], _ number: (ChannelActivity) -> [Float]) -> [Float]? {
        var result = [Float](repeating: 0, count: count)
        for reader in readers {
            guard let numbers = activity[reader.contraction.data].map(number), numbers.count == count * reader.width
            else { return nil }
            for (index, number) in numbers.enumerated() {
                result[index / reader.width] = max(result[index / reader.width], number)
            }
        }
        return result.allSatisfy(\.isFinite) ? result : nil
    }
}
