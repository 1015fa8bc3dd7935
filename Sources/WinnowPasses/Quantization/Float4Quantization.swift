package import WinnowGraph
import WinnowTensor

/// Stores weights as 4-bit floats (E2M1: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives) times a scale.
package struct Float4Quantization: Pass {
    package static let name = "float4-quantization"
    package static let summary = "4-bit float weights (E2M1) with a scale for each block"
    package static let guide = """
        Each block of weights, in storage order, is divided by max|w|/6 and rounded to the nearest E2M1 number, ties to the \
        even code (OCP MX specification, section 5.3.3). onnxruntime does not implement ONNX's float4 type, so the file \
        holds 4-bit codes that look their number up in a table of 16: it runs everywhere. 4 + 32/block bits a weight.
        """

    @Hyperparameter("weights that share a scale; 0: one scale for the tensor", in: 0...1e9) package var blockSize = 32
    @Hyperparameter("globs of tensors or nodes to quantize; empty: all") package var only: [String] = []
    @Hyperparameter("globs of tensors or nodes to keep in float") package var except: [String] = []

    package init() {}

    package func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        var encoding = try WeightEncoding(graph, only: only, except: except)
        var storage = CodebookStorage(encoding.graph)
        for site in encoding.sites {
            guard let weight = encoding.graph.initializers[site.tensor] else { continue }
            let count = weight.elementCount
            let fits = blockSize > 0 && count % blockSize == 0
            let length = fits ? blockSize : count
            let (scales, codes) = weight.withElements(Float.self) { values in
                let scales = stride(from: 0, to: count, by: max(1, length)).map { start in
                    let scale = values[start..<(start + length)].reduce(0) { max($0, $1.magnitude) } / 6
                    return scale >= .leastNormalMagnitude ? scale : 1
                }
                return (scales, values.indices.map { MiniFloat.e2m1.code(nearest: values[$0] / scales[$0 / length]) })
            }
            let byteCount = storage.store(site, codes: codes, table: MiniFloat.e2m1.values, scales: scales)
            let error = weight.relativeError { piece in
                piece.map { Double(MiniFloat.e2m1.values[Int(codes[$0])] * scales[$0 / length]) }
            }
            let milder = blockSize > 0 && !fits
            encoding.note(
                Finding(
                    site.tensor, milder ? .fellBack : .done, "size", unit: "bytes", before: Double(weight.byteCount),
                    after: Double(byteCount),
                    reason: (milder ? "one scale: \(count) weights are no multiple of \(blockSize); " : "")
                        + "relative error \(error)"))
        }
        return PassResult(graph: try storage.apply(), findings: encoding.findings)
    }
}
