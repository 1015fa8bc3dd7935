public import WinnowGraph
import WinnowKernels
import WinnowTensor

/// Gives every tensor a palette of few numbers, and every weight the index of the nearest.
///
/// Palettes are found by k-means (Han et al. 2016, section 3), if asked with distances weighted by the empirical Fisher information
/// (Kim et al. 2023, "SqueezeLLM", section 4.1). Vectors are product quantization with one codebook (Stock et al. 2020, "And the bit goes
/// down", section 3). `finetune` trains the numbers of a palette further.
public struct Palettization: Pass {
    public static let name = "palettization"
    public static let summary = "weights share a palette of 2^n numbers, or vectors, for each tensor or group of channels (k-means)"
    public static let guide = """
        Clusters each weight tensor's values and stores indices and a palette. Pruned weights stay exactly zero. ONNX has no \
        palette operator: the file looks indices up with Gather, which every runtime has. Up to 4 bits take half a byte a \
        weight (up to 2 a quarter, where two-bit-codes says int2), up to 8 bits one byte. group-size gives every so many output channels a palette of their own; with vector-size an \
        index stands for so many weights along the sum (product quantization). `finetune` behind it trains the numbers of the \
        palettes; zeros stay.
        """
    public static let strengths = [Strength("bits", rising: [8, 4, 2, 1])]
    public static let isIdempotent = true

    @Hyperparameter("bits of an index: the palette has 2^bits numbers", in: 1...8) public var bits = 4
    @Hyperparameter("output channels that share a palette; 0: all of a tensor", in: 0...65536) public var groupSize = 0
    @Hyperparameter("weights along the sum that one index stands for", in: 1...16) public var vectorSize = 1
    @Hyperparameter("where the numbers of a palette are before k-means; vectors always start as plus-plus", counts: .with("vector-size", ["1"]))
    public var start = Start.linear
    @Hyperparameter("what counts a weight's distance: fisher: the mean square of the loss's gradient") public var weighting = Weighting.none
    @Hyperparameter("what holds indices of up to 2 bits: int2 needs operator set 25, and of runtimes ONNX Runtime alone reads it")
    public var twoBitCodes = TwoBitStorage.int4
    public var choice = WeightChoice()

    public enum Start: String, HyperparameterChoice, Codable { case linear, density, plusPlus = "plus-plus" }
    public enum Weighting: String, HyperparameterChoice, Codable { case none, fisher }

    public init() {}

    public var needs: PassNeeds { weighting == .fisher ? .calibration : .nothing }

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        let start: Palette.Start = switch start {
        case .linear: .linear
        case .density: .density
        case .plusPlus: .plusPlus(seed: context.seed)
        }
        let form = PaletteForm(bits: bits, groupSize: groupSize, vectorSize: vectorSize, start: start, seed: context.seed)
        let scheme = QuantizationScheme(paletteOf: bits)
        return try graph.rewritingWeights(choice) { targets in
            let moments = weighting == .fisher && !targets.isBody
                ? try LossGradients.moments(of: targets.targets, in: targets.graph, context) : [:]
            return try targets.store(twoBits: twoBitCodes, encoding: { target in
                form.encoded(target.values, counts: moments[target.tensor]?.meanSquares, channelAxis: target.channelAxis)
            }) { _ in (scheme, nil) }
        }
    }
}
