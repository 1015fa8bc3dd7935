public import WinnowGraph
import WinnowTensor

/// Gives every tensor a palette of few numbers, and every weight the index of the nearest.
///
/// Palettes are found by k-means with linear initialization (Han et al. 2016, section 3).
public struct Palettization: Pass {
    public static let name = "palettization"
    public static let summary = "weights share a palette of 2^n numbers for each tensor (k-means)"
    public static let guide = """
        Clusters each weight tensor's values and stores indices and a palette. Pruned weights stay exactly zero. ONNX has no \
        palette operator: the file looks indices up with Gather, which every runtime has. Up to 4 bits take half a byte a \
        weight, up to 8 bits one byte.
        """
    public static let strengths = [Strength("bits", rising: [8, 4, 2, 1])]
    public static let isIdempotent = true

    @Hyperparameter("bits of an index: the palette has 2^bits numbers", in: 1...8) public var bits = 4
    public var choice = WeightChoice()

    public init() {}

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        let scheme = QuantizationScheme(paletteOf: bits)
        return try graph.rewritingWeights(choice) { try $0.store(scheme) }
    }
}
