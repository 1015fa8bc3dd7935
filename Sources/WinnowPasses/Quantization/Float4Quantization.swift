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
        return try graph.rewritingWeights(choice) { targets in
            var storage = WeightStorage(targets.graph)
            for target in targets.targets { encode(target, in: &targets, &storage) }
            return try storage.apply()
        }
    }

    private func encode(_ target: WeightTarget, in targets: inout WeightTargets, _ storage: inout WeightStorage) {
        let weight = target.values
        let count = weight.elementCount
        let fits = blockSize > 0 && count % blockSize == 0
        let length = max(1, fits ? blockSize : count)
        let table = MiniFloat.e2m1.values
        let (scales, codes) = weight.withElements(Float.self) { values in
            let scales = stride(from: 0, to: count, by: length).map { start in
                let scale = values[start..<(start + length)].reduce(0) { max($0, $1.magnitude) } / 6
                return scale >= .leastNormalMagnitude ? scale : 1
            }
            return (scales, values.indices.map { MiniFloat.e2m1.code(nearest: values[$0] / scales[$0 / length]) })
        }
        let milder = blockSize > 0 && !fits
        targets.store(
            EncodedWeight(codes: codes, shape: weight.shape, table: table, scales: scales), inPlaceOf: target, &storage, "codes, table and scales",
            (milder ? "one scale: \(count) weights are no multiple of \(blockSize); " : "", milder))
    }
}
