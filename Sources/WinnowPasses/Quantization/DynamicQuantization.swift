package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// int8 weights for Gemm and MatMul, activations quantized at each run by their own range; needs no data.
///
/// ```
/// %2 = Gemm(%1, @w, @b)   →   %q, %s, %z = DynamicQuantizeLinear(%1)
///                             %i = MatMulInteger(%q, @w.codes, %z)
///                             %2 = Cast(%i) · (%s · @w.scale) + @b
/// ```
package struct DynamicQuantization: Pass {
    package static let name = "dynamic-quantization"
    package static let summary = "int8 weights for matrix products, activations quantized while running"
    package static let guide = """
        Weights of Gemm and MatMul become symmetric int8; activations become uint8 at each run, with scale and zero point \
        from their own range. Convolutions stay float, as in torch's dynamic quantization. onnxruntime fuses the nodes into \
        one integer kernel. Use static-quantization where calibration data is at hand: it is faster.
        """

    @Hyperparameter("a scale for every output channel of a weight, instead of one for the tensor") package
        var perChannel = true
    @Hyperparameter("globs of tensors or nodes to quantize; empty: all") package var only: [String] = []
    @Hyperparameter("globs of tensors or nodes to keep in float") package var except: [String] = []

    package init() {}

    package func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        var encoding = try WeightEncoding(graph, only: only, except: except)
        var edit = GraphEdit()
        var encoded: [ValueName: [ValueName]] = [:]
        for site in encoding.sites {
            guard let product = DynamicProduct(site, in: encoding.graph, perChannel: perChannel) else {
                encoding.note(
                    Finding(
                        site.tensor, site.node.op is Conv ? .kept : .skipped,
                        reason: site.node.op is Conv
                            ? "convolutions stay float" : "it is no constant matrix on the right"))
                continue
            }
            let data = site.node.inputs[0]
            if encoded[data] == nil {
                let names = ["codes", "scale", "zero_point"].map {
                    encoding.graph.freshValueName("\(data).dynamic.\($0)")
                }
                encoded[data] = names
                edit.addedNodes.append(
                    Node(
                        name: "\(data).dynamic", op: DynamicQuantizeLinear(), inputs: [data], outputs: names))
            }
            product.write(reading: encoded[data] ?? [], in: encoding.graph, to: &edit)
            encoding.note(.quantized(site.tensor, product.weight, product.parameters))
        }
        return PassResult(graph: try encoding.graph.applying(edit), findings: encoding.findings)
    }
}

/// A matrix product whose right operand becomes int8.
private struct DynamicProduct {
    let site: WeightSite
    /// The weight as (inputs, outputs).
    let weight: Tensor
    let parameters: QuantizationParameters
    private let alpha: Float
    private let beta: Float

    init?(_ site: WeightSite, in graph: Graph, perChannel: Bool) {
        guard let stored = graph.initializers[site.tensor], stored.rank == 2, site.inputIndex == 1 else { return nil }
        switch site.node.op {
        case let gemm as Gemm where !gemm.transposesLeft:
            weight = gemm.transposesRight ? stored.transposed([1, 0]) : stored
            (alpha, beta) = (gemm.alpha, gemm.beta)
        case is MatMul:
            weight = stored
            (alpha, beta) = (1, 1)
        default: return nil
        }
        self.site = site
        parameters = QuantizationParameters(symmetric: weight, axis: perChannel ? 1 : nil, .int8, limit: 127)
    }

    func write(reading data: [ValueName], in graph: Graph, to edit: inout GraphEdit) {
        guard data.count == 3, let output = site.node.output(0) else { return }
        let name = site.node.name
        func fresh(_ part: String) -> ValueName { graph.freshValueName("\(name).\(part)") }
        let (codes, scale) = (
            graph.freshValueName("\(site.tensor).codes"), graph.freshValueName("\(site.tensor).scale")
        )
        edit.initializers += [
            (codes, parameters.quantize(weight)),
            (
                scale,
                Tensor(
                    parameters.scales.map { $0 * alpha }, shape: parameters.axis == nil ? [] : [parameters.scales.count]
                )
            ),
        ]
        let (sums, numbers, factor) = (fresh("sums"), fresh("numbers"), fresh("factor"))
        let bias = site.node.input(2)
        let scaled = bias == nil ? output : fresh("scaled")
        edit.removedNodes.insert(name)
        edit.addedNodes += [
            Node(name: sums, op: MatMulInteger(), inputs: [data[0], codes, data[2]], outputs: [sums]),
            Node(name: numbers, op: Cast(to: .float32), inputs: [sums], outputs: [numbers]),
            Node(name: factor, op: Mul(), inputs: [data[1], scale], outputs: [factor]),
            Node(name: bias == nil ? name : scaled, op: Mul(), inputs: [numbers, factor], outputs: [scaled]),
        ]
        guard let bias else { return }
        var term = bias
        if beta != 1, let tensor = graph.initializers[bias] {
            term = fresh("bias")
            edit.initializers.append((term, Tensor(tensor.floats().map { $0 * beta }, shape: tensor.shape)))
        }
        edit.addedNodes.append(Node(name: name, op: Add(), inputs: [scaled, term], outputs: [output]))
    }
}
