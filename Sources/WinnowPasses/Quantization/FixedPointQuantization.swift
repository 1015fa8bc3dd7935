public import WinnowGraph
import WinnowTensor

/// Stores weights as n-bit fixed-point numbers: signed integers times a scale that is kept.
///
/// Codes lie in ±(2^(n−1) − 1); zero stays exactly zero; an all-zero tensor gets scale 1.
public struct FixedPointQuantization: Pass {
    public static let name = "fixed-point-quantization"
    public static let summary = "n-bit fixed-point weights, the scale kept beside them"
    public static let guide = """
        w ≈ scale · code with code in ±(2^(n−1) − 1), rounded to nearest, halves to even. With power-of-two, scales are \
        2^−f as fixed-point hardware has them (Qm.f). Codes of up to 4 bits are stored as int4 (of 2 bits as int2 where two-bit-codes \
        says so), up to 8 as int8, up to 16 as int16; biases stay float32.
        """
    public static let strengths = [Strength("bits", rising: [16, 8, 4, 2])]
    public static let isIdempotent = true

    @Hyperparameter("bits of a code, its sign included", in: 2...16) public var bits = 8
    @Hyperparameter("round scales up to powers of two") public var powerOfTwo = false
    @Hyperparameter("a scale for every output channel, instead of one for the tensor") public var perChannel = false
    @Hyperparameter("what holds codes of 2 bits: int2 needs operator set 25, and of runtimes ONNX Runtime alone reads it")
    public var twoBitCodes = TwoBitStorage.int4
    public var choice = WeightChoice()

    public init() {}

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        var scheme = QuantizationScheme(bits: bits, .init(perChannel: perChannel))
        if powerOfTwo { scheme.scales = .powerOfTwo }
        return try graph.rewritingWeights(choice) { try $0.store(twoBits: twoBitCodes) { _ in (scheme, nil) } }
    }
}
