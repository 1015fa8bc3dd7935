public import WinnowGraph
import WinnowOperators
import WinnowTensor

/// int8 weights for Gemm, MatMul, Einsum and LSTM, activations quantized at each run by their own range; needs no data.
///
/// ```
/// %2 = Gemm(%1, @w, @b)   →   %q, %s, %z = DynamicQuantizeLinear(%1)
///                             %i = MatMulInteger(%q, @w.codes, %z)
///                             %2 = Cast(%i) · (%s · @w.scale) + @b
/// ```
public struct DynamicQuantization: Pass {
    public static let name = "dynamic-quantization"
    public static let summary = "int8 weights for matrix products, activations quantized while running"
    public static let guide = """
        Weights of Gemm, MatMul, Einsum and LSTM become symmetric int8; activations become uint8 at each run, with scale and \
        zero point from their own range. Convolutions stay float, as in torch's dynamic quantization. onnxruntime fuses the nodes into \
        one integer kernel. Use static-quantization where calibration data is at hand: it is faster.
        """
    public static let isIdempotent = true

    @Hyperparameter("a scale for every output channel of a weight, instead of one for the tensor") public
        var perChannel = true
    @Hyperparameter("which numbers scales of weights are; those of activations are found at each run") public var scales = LayerScales.float32
    @Hyperparameter("whose scales and roundings, where tools differ") public var convention: Chosen<QuantizationConventions> = "onnx"
    public var choice = WeightChoice()

    public init() {}

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        return try graph.rewritingWeights(
            choice,
            prepare: { graph, selection, _ in
                let wanted = Set(graph.weightSites.filter { selection.reason(against: $0) == nil && $0.node.op is any MatrixForm }.map(\.tensor))
                let shared = try graph.sharingReadings(of: wanted)
                let index = GraphIndex(shared)
                return try shared.writingEinsumsAsProducts { site in
                    selection.reason(against: site) == nil && index.soleConsumer(of: site.tensor) != nil && !(site.node.op is any SlidingContraction)
                }
            }
        ) { targets in
            let scheme = QuantizationScheme(bits: 8, .init(perChannel: perChannel)).with { $0.convention = convention.member }
                .taking(scales.ofWeights)
            var writer = DynamicWriter(targets, scheme)
            for target in targets.targets { try writer.quantize(target, &targets) }
            return try targets.graph.applying(writer.edit)
        }
    }
}

/// Writes integer products in the place of float ones.
private struct DynamicWriter {
    private let index: GraphIndex
    private let scheme: QuantizationScheme
    private let targets: [ValueName: WeightTarget]
    private(set) var edit = GraphEdit()
    /// Codes, scale and zero point of activations that are quantized already.
    private var activations: [ValueName: [ValueName]] = [:]
    private var finished: Set<ValueName> = []

    init(_ targets: WeightTargets, _ scheme: QuantizationScheme) {
        index = GraphIndex(targets.graph)
        self.scheme = scheme
        self.targets = Dictionary(targets.targets.map { ($0.tensor, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Every product that reads the weight, or none.
    mutating func quantize(_ target: WeightTarget, _ targets: inout WeightTargets) throws {
        guard !finished.contains(target.tensor) else { return }
        if target.sites.allSatisfy({ $0.node.op is any SlidingContraction }) { targets.keep(target, "convolutions stay float"); return }
        if let reason = reason(against: target) { targets.skip(target, reason); return }
        if target.sites.count == 1, target.sites[0].node.op is LSTM { quantizeLayer(of: target, &targets); return }
        let products = target.sites.map { DynamicProduct($0, target, scheme) }
        guard !products.contains(where: { $0 == nil }) else {
            targets.skip(target, "it is no constant matrix on the right of a product")
            return
        }
        var (codes, scales): ([Bool: ValueName], [[Float]: ValueName]) = ([:], [:])
        for case let product? in products {
            let data = activation(product.site.node.inputs[0], &targets.names)
            let stored = codes[product.isTransposed] ?? targets.names.value("\(target.tensor).codes")
            if codes[product.isTransposed] == nil { edit.initializers.append((stored, product.parameters.quantize(product.weight))) }
            codes[product.isTransposed] = stored
            let factors = product.scale.floats()
            let scale = scales[factors] ?? targets.names.value("\(target.tensor).scale")
            if scales[factors] == nil { edit.initializers.append((scale, product.scale)) }
            scales[factors] = scale
            product.write(reading: data, codes: stored, scale: scale, in: index.graph, &targets.names, to: &edit)
        }
        if let first = products.compactMap({ $0 }).first { targets.note(.quantized(target.tensor, first.weight, first.parameters)) }
    }

    /// Why the floats must stay, so that codes beside them would make the file larger.
    private func reason(against target: WeightTarget) -> String? {
        guard target.stored.elementType == .float32 else { return "it is \(target.stored.elementType), and only float32 products have integer forms" }
        if let site = target.sites.first(where: { $0.holder != nil }) {
            return "a body of \(site.holder ?? "") reads it: it stays float"
        }
        let layers = Set(target.sites.filter { $0.operand == target.tensor }.map(\.node.name))
        if let other = index.consumers(of: target.tensor).first(where: { !layers.contains($0.name) }) {
            return "\(other.name) (\(other.op.type)) reads it too: codes beside the floats would make the file larger"
        }
        return nil
    }

    private mutating func activation(_ data: ValueName, _ names: inout FreshNames) -> [ValueName] {
        if let known = activations[data] { return known }
        let outputs = ["codes", "scale", "zero_point"].map { names.value("\(data).dynamic.\($0)") }
        scheme.convention.quantizeAtRunTime(data, as: outputs, &edit, &names)
        activations[data] = outputs
        return outputs
    }

    /// Both weights of an LSTM, or neither.
    private mutating func quantizeLayer(of target: WeightTarget, _ targets: inout WeightTargets) {
        let node = target.sites[0].node
        let own = [1, 2].compactMap { node.input($0) }.compactMap { self.targets[$0] }
        finished.formUnion(own.map(\.tensor))
        guard own.count == 2, own.allSatisfy({ $0.sites.count == 1 && reason(against: $0) == nil }),
            let layer = DynamicLayer(own, node, scheme)
        else {
            for target in own { targets.skip(target, "both weights of the layer must be constants of its own, and its batch not first") }
            return
        }
        layer.write(to: &edit, &targets.names)
        for (name, weight, parameters) in layer.weights { targets.note(.quantized(name, weight, parameters)) }
    }
}

/// An LSTM whose two weights become int8, as `com.microsoft`'s DynamicQuantizeLSTM.
private struct DynamicLayer {
    let node: Node
    let op: LSTM
    /// The weights as rows (directions · gates, inputs), with a scale each or one together.
    let weights: [(name: ValueName, rows: Tensor, parameters: QuantizationParameters)]
    private let directionCount: Int

    init?(_ targets: [WeightTarget], _ node: Node, _ scheme: QuantizationScheme) {
        guard let op = node.op as? LSTM, !op.parameters.isBatchFirst, targets.allSatisfy({ $0.stored.rank == 3 }) else { return nil }
        self.op = op
        self.node = node
        directionCount = targets[0].stored.shape[0]
        weights = targets.map { target in
            let shape = target.stored.shape
            let rows = target.stored.reshaped([shape[0] * shape[1], shape[2]])
            return (target.tensor, rows, scheme.parameters(for: rows, channelAxis: 0).parameters)
        }
    }

    func write(to edit: inout GraphEdit, _ names: inout FreshNames) {
        var inputs = node.inputs + [ValueName](repeating: "", count: max(0, 8 - node.inputs.count))
        for (index, (name, rows, parameters)) in weights.enumerated() {
            let codes = parameters.quantize(rows).reshaped([directionCount, rows.shape[0] / directionCount, rows.shape[1]])
            // One scale for all stands once for each direction.
            let scales = parameters.axis == nil
                ? Tensor([Float](repeating: parameters.scales[0], count: directionCount))
                : Tensor(parameters.scales, shape: [directionCount, parameters.scales.count / directionCount])
            let parts = ["codes", "scale", "zero_point"].map { names.value("\(name).\($0)") }
            edit.initializers += [
                (parts[0], codes.transposed([0, 2, 1])), (parts[1], scales), (parts[2], Tensor(zeros: scales.shape, .int8)),
            ]
            inputs[1 + index] = parts[0]
            inputs += [parts[1], parts[2]]
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

    /// Whether the weight is the stored one transposed.
    let isTransposed: Bool

    init?(_ site: WeightSite, _ target: WeightTarget, _ scheme: QuantizationScheme) {
        guard target.stored.rank == 2, site.inputIndex == 1, site.operand == target.tensor else { return nil }
        guard let form = site.node.op as? any MatrixForm, !form.transposesLeft else { return nil }
        isTransposed = form.transposesRight
        (alpha, beta) = (form.alpha, form.beta)
        weight = isTransposed ? target.stored.transposed([1, 0]) : target.stored
        self.site = site
        parameters = scheme.parameters(for: weight, channelAxis: 1).parameters
    }

    /// Of the sums, but for the data's.
    var scale: Tensor {
        let shape: Shape = parameters.axis == nil ? [] : [parameters.scales.count]
        return Tensor(parameters.scales.map { $0 * alpha }, shape: shape)
    }

    func write(
        reading data: [ValueName], codes: ValueName, scale: ValueName, in graph: Graph, _ names: inout FreshNames, to edit: inout GraphEdit
    ) {
        guard data.count == 3, let output = site.node.output(0) else { return }
        let name = site.node.name
        let bias = site.node.input(2)
        let (sums, numbers, factor) = (names.value("\(name).sums"), names.value("\(name).numbers"), names.value("\(name).factor"))
        let scaled = bias == nil ? output : names.value("\(name).scaled")
        edit.removedNodes.insert(name)
        edit.addedNodes += [
            Node(name: names.node("\(name).sums"), op: MatMulInteger(), inputs: [data[0], codes, data[2]], outputs: [sums]),
            Node(name: names.node("\(name).numbers"), op: Cast(to: .float32), inputs: [sums], outputs: [numbers]),
            Node(name: names.node("\(name).factor"), op: Mul(), inputs: [data[1], scale], outputs: [factor]),
            Node(name: bias == nil ? name : names.node("\(name).scaled"), op: Mul(), inputs: [numbers, factor], outputs: [scaled]),
        ]
        guard let bias else { return }
        var term = bias
        if beta != 1, let tensor = graph.initializers[bias] {
            term = names.value("\(name).bias")
            edit.initializers.append((term, Tensor(tensor.floats().map { $0 * beta }, shape: tensor.shape)))
        } else if beta != 1 {
            term = names.value("\(name).bias")
            let number = names.value("\(name).beta")
            edit.initializers.append((number, Tensor(scalar: beta)))
            edit.addedNodes.append(Node(name: names.node("\(name).bias"), op: Mul(), inputs: [bias, number], outputs: [term]))
        }
        edit.addedNodes.append(Node(name: name, op: Add(), inputs: [scaled, term], outputs: [output]))
    }
}
