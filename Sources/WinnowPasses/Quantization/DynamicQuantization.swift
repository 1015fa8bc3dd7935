package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// int8 weights for Gemm, MatMul, Einsum and LSTM, activations quantized at each run by their own range; needs no data.
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
        Weights of Gemm, MatMul, Einsum and LSTM become symmetric int8; activations become uint8 at each run, with scale and \
        zero point from their own range. Convolutions stay float, as in torch's dynamic quantization. onnxruntime fuses the nodes into \
        one integer kernel. Use static-quantization where calibration data is at hand: it is faster.
        """

    @Hyperparameter("a scale for every output channel of a weight, instead of one for the tensor") package
        var perChannel = true
    @Hyperparameter("globs of tensors or nodes to quantize; empty: all") package var only: [String] = []
    @Hyperparameter("globs of tensors or nodes to keep in float") package var except: [String] = []

    package init() {}

    package func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        var encoding = try WeightEncoding(graph.writingEinsumsAsProducts(), only: only, except: except)
        var edit = GraphEdit()
        var encoded: [ValueName: [ValueName]] = [:]
        for site in encoding.sites {
            if site.node.op is LSTM {
                guard site.inputIndex == 1 else { continue }
                try quantizeLayer(site, &encoding, &edit)
                continue
            }
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

    /// Both weights of an LSTM, or neither.
    private func quantizeLayer(_ site: WeightSite, _ encoding: inout WeightEncoding, _ edit: inout GraphEdit) throws {
        let recurrence = encoding.sites.first { $0.node.name == site.node.name && $0.inputIndex == 2 }
        guard let recurrence, let layer = DynamicLayer([site, recurrence], in: encoding.graph, perChannel: perChannel) else {
            for name in [site.tensor, recurrence?.tensor].compactMap({ $0 }) {
                encoding.note(Finding(name, .skipped, reason: "both weights of the layer must be constants, and its batch not first"))
            }
            return
        }
        layer.write(to: &edit, in: encoding.graph)
        for (name, weight, parameters) in layer.weights { encoding.note(.quantized(name, weight, parameters)) }
    }
}

/// An LSTM whose two weights become int8, as `com.microsoft`'s DynamicQuantizeLSTM.
private struct DynamicLayer {
    let node: Node
    let op: LSTM
    /// The weights as rows (directions · gates, inputs), with a scale each or one together.
    let weights: [(name: ValueName, rows: Tensor, parameters: QuantizationParameters)]
    private let directionCount: Int

    init?(_ sites: [WeightSite], in graph: Graph, perChannel: Bool) {
        guard let op = sites[0].node.op as? LSTM, !op.parameters.isBatchFirst else { return nil }
        let stored = sites.compactMap { graph.initializers[$0.tensor] }
        guard stored.count == 2, stored.allSatisfy({ $0.rank == 3 }) else { return nil }
        self.op = op
        node = sites[0].node
        directionCount = stored[0].shape[0]
        weights = zip(sites, stored).map { site, tensor in
            let rows = tensor.reshaped([tensor.shape[0] * tensor.shape[1], tensor.shape[2]])
            return (site.tensor, rows, QuantizationParameters(symmetric: rows, axis: perChannel ? 0 : nil, .int8, limit: 127))
        }
    }

    func write(to edit: inout GraphEdit, in graph: Graph) {
        var inputs = node.inputs + [ValueName](repeating: "", count: max(0, 8 - node.inputs.count))
        for (index, (name, rows, parameters)) in weights.enumerated() {
            let codes = parameters.quantize(rows).reshaped([directionCount, rows.shape[0] / directionCount, rows.shape[1]])
            // One scale for all stands once for each direction.
            let scales = parameters.axis == nil
                ? Tensor([Float](repeating: parameters.scales[0], count: directionCount))
                : Tensor(parameters.scales, shape: [directionCount, parameters.scales.count / directionCount])
            let names = ["codes", "scale", "zero_point"].map { graph.freshValueName("\(name).\($0)") }
            edit.initializers += [
                (names[0], codes.transposed([0, 2, 1])), (names[1], scales), (names[2], Tensor(zeros: scales.shape, .int8)),
            ]
            inputs[1 + index] = names[0]
            inputs += [names[1], names[2]]
        }
        edit.removedNodes.insert(node.name)
        edit.addedNodes.append(Node(name: node.name, op: DynamicQuantizeLSTM(op), inputs: inputs, outputs: node.outputs))
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
