public import WinnowGraph
import WinnowTensor

/// Stores weights as int8 or int4 and computes in float.
public struct WeightOnlyQuantization: Pass {
    public static let name = "weight-only-quantization"
    public static let summary = "int8 or int4 weights, float arithmetic; needs no data"
    public static let guide = """
        Weights become symmetric integers behind a DequantizeLinear with a scale for every output channel or block. The \
        file shrinks to a quarter (int8) or an eighth (int4); speed changes only where the runtime has kernels for it. \
        int4 and blocks need operator set 21.
        """
    public static let strengths = [Strength("bits", rising: [8, 4])]
    public static let isIdempotent = true

    @Hyperparameter("bits of a weight: 8 or 4", in: 4...8) public var bits = 8
    @Hyperparameter("a scale for every output channel, instead of one for the tensor") public var perChannel = true
    @Hyperparameter("weights that share a scale along the summed axis of a matrix; 0: no blocks", in: 0...65536)
    public var blockSize = 0
    public var rounding = RoundingChoice()
    public var choice = WeightChoice()

    public init() {}

    public var needs: PassNeeds { rounding.needs }

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        guard bits == 8 || bits == 4 else {
            throw WinnowError(
                .recipe, "bits", "is \(bits)", remedy: "use 8 or 4, or fixed-point-quantization for other widths")
        }
        let scheme = QuantizationScheme(bits: bits, .init(perChannel: perChannel, blockSize: blockSize))
        return try graph.rewritingWeights(choice) { targets in
            try targets.storeIntegers(scheme, rounding: rounding, context)
        }
    }
}
