public import WinnowGraph
import WinnowTensor

/// Stores weights as 4-bit floats (E2M1: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives) times a scale.
public struct Float4Quantization: Pass {
    public static let name = "float4-quantization"
    public static let summary = "4-bit float weights (E2M1) with a scale for each block"
    public static let guide = """
        Each block of weights, in storage order, is divided by max|w|/6 and rounded to the nearest E2M1 number, ties to the \
        even code (OCP MX specification, section 5.3.3). onnxruntime does not implement ONNX's float4 type, so the file \
        holds 4-bit codes that look their number up in a table of 16: it runs everywhere. 4 + 32/block bits a weight.
        """
    public static let isIdempotent = true

    @Hyperparameter("weights that share a scale; 0: one scale for the tensor", in: 0...1e9) public var blockSize = 32
    public var choice = WeightChoice()

    public init() {}

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        let scheme = QuantizationScheme(.e2m1, .run(blockSize))
        return try graph.rewritingWeights(choice) { try $0.store(scheme) }
    }
}
