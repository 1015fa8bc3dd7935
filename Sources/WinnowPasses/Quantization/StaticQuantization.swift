import WinnowEngine
public import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Turns Conv, Gemm and MatMul into integer arithmetic with ranges fixed on calibration data.
///
/// ```
/// %2 = Conv(%1, @w, @b)      %1q = QuantizeLinear(%1)  …  %2 = Conv(DQ(%1q), DQ(@w.codes), DQ(@b.codes))
/// %3 = Relu(%2)           →  %3 = Relu(%2);  %3q = QuantizeLinear(%3)
/// ```
public struct StaticQuantization: Pass {
    public static let name = "static-quantization"
    public static let summary = "int8 weights and activations with ranges fixed on calibration data"
    public static let guide = """
        Weights become int8, symmetric around 0, with a scale for every output channel; activations 8 bits with a zero \
        point, their ranges observed on calibration data; biases int32 with the scale of the sums. The file holds \
        QuantizeLinear/DequantizeLinear pairs, which onnxruntime and OpenVINO run as integer kernels. \
        BatchNormalization is folded first, as between two layers it would need floats. A Relu behind a layer is \
        absorbed: its output is what is quantized. Biases take what rounding the weights adds to the means of channels. \
        What the rounding of each value takes of the outputs is predicted from their gradients, and the worst stay float \
        until the outputs have the SQNR of output-sqnr, or validation accuracy drops by no more than max-drop; with latency \
        as few become integers as keep that. Weights of LSTM, GRU and RNN \
        become int8 that the runtime turns into floats. encodings=FILE gives scales and zero points to whatever it names.
        """
    public static let strengths = [Strength("weight-bits", rising: [8, 4, 2])]
    public static let isIdempotent = true

    @Hyperparameter("bits of a weight's codes; fewer than 8 are stored as int8 too, but zip smaller", in: 2...8)
    public var weightBits = 8
    public var codes = LayerCodes()
    public var calibration = CalibrationChoice()
    public var precision = PrecisionChoice()
    public var rounding = RoundingChoice()
    @Hyperparameter("use 7 bits where 8 would overflow on processors without VNNI") public var reduceRange = false
    @Hyperparameter("quantize the model's outputs too, instead of giving floats from the last layer's sums")
    public var quantizeOutputs = false
    @Hyperparameter("fold BatchNormalization into the layer before it") public var foldBatchNorm = true
    @Hyperparameter("write layers between codes as QLinearConv and QLinearMatMul, instead of pairs around Conv and MatMul")
    public var quantizedOperators = false
    @Hyperparameter("store weights of LSTM, GRU and RNN, which have no form in integers, as 8-bit codes that become floats at each run")
    public var codeRecurrentWeights = true
    public var given = EncodingChoice()
    public var choice = WeightChoice()

    public init() {}

    public var needs: PassNeeds { .calibration }
    public var files: [String] { given.files }

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        let folded =
            try foldBatchNorm
            ? FoldBatchNorm()(graph.foldingMasks(), in: context).graph : graph.foldingMasks()
        var arithmetic = try codes.arithmetic(
            weightBits: weightBits, storedAs: .int8, isReduced: reduceRange)
        arithmetic.quantizesOutputs = quantizeOutputs
        let table = try given.table(about: graph)
        let layers = try CalibratedLayers(arithmetic, calibration, choice, table, graph: folded, context: context)
            .roundingWeights(by: rounding, context)
        let pairs = try precision.pairs(of: layers, original: graph, context)
        let (coded, findings) = try pairs.graph.storingIntegers(for: arithmetic)
        let audit = IntegerAudit(of: coded)
        let typed = coded.allowing(layers.activationTypes)
        let noted = try typed.notingFloats(among: layers.eligibleSites)
        let search = stepWithoutSearch(layers, in: noted).map { [$0] } ?? []
        let recurrent = try codingRecurrentWeights(of: noted, choice.selection(in: folded), table, context)
        let written = try quantizedOperators ? recurrent.graph.writingQuantizedOperators() : PassResult(graph: recurrent.graph, findings: [])
        var ledger = WeightLedger(graph)
        let normalizations = graph.nodes.filter { $0.op is BatchNormalization }.map(\.name)
        for name in normalizations where folded.node(named: name) == nil {
            ledger.note(Finding(name, .done, .nodes, before: 1, after: 0, reason: "folded into the layer before it"))
        }
        let prediction = RuntimePrediction(noted, on: arithmetic.profile)?.findings ?? []
        let coding = layers.tellingSignal(in: pairs.findings + layers.tellingErrors(in: findings), of: pairs, context)
        let nearest = layers.nearest.filter { note in coding.contains { $0.subject == note.subject && $0.codes != nil } }
        let own = coding + nearest + recurrent.findings + layers.encodingFindings(and: recurrent.given, in: recurrent.graph)
            + search + audit.findings + prediction + written.findings
        for finding in own + arithmetic.profile.objections(to: written.graph) { ledger.note(finding) }
        for site in graph.capturedWeightSites where !ledger.has(site.tensor) {
            ledger.skip(site.tensor, "a body of \(site.holder ?? "") reads it, and bodies stay float")
        }
        return PassResult(
            graph: written.graph, findings: ledger.findings { _ in "belongs to no Conv, Gemm or MatMul that becomes integer" })
    }
}

extension StaticQuantization {
    private func codingRecurrentWeights(
        of graph: Graph, _ selection: Selection, _ table: EncodingTable, _ context: PassContext
    ) throws -> RecurrentWeights {
        guard codeRecurrentWeights else { return RecurrentWeights(graph) }
        let scheme = QuantizationScheme(bits: 8, .init(perChannel: codes.perChannel)).with { $0.convention = codes.convention.member }
            .taking(codes.scales.ofWeights)
        return try RecurrentWeights(graph, selection, scheme, table, rounding, context)
    }

    /// What a recipe says for the same layers in float, without looking for them again.
    private func stepWithoutSearch(_ layers: CalibratedLayers, in noted: Graph) -> Finding? {
        let names = Set(noted.nodes.filter(\.notes.staysFloat).map(\.name))
        let tensors = layers.plan().sites.filter { names.contains($0.node.name) }.map { Selection.literal($0.tensor) }
        guard !tensors.isEmpty else { return nil }
        var step = self
        (step.precision.outputSqnr, step.precision.maxDrop, step.precision.latency) = (0, nil, nil)
        step.choice.except += tensors.filter { !choice.except.contains($0) }
        return Finding("graph", .done, reason: "for a recipe, the same layers in float without looking for them: - \(step)")
    }
}

extension Graph {
    /// The graph in which layers that could have become integers and did not say so, for a second static quantization to leave them.
    fileprivate func notingFloats(among sites: [WeightSite]) throws -> Graph {
        let (index, names) = (GraphIndex(self), Set(sites.map(\.node.name)))
        var edit = GraphEdit()
        for node in nodes where names.contains(node.name) {
            if node.inputs.prefix(2).allSatisfy({ index.producer(of: $0)?.op is DequantizeLinear }) { continue }
            var noted = node
            noted.notes.staysFloat = true
            edit.removedNodes.insert(node.name)
            edit.addedNodes.append(noted)
        }
        return edit.addedNodes.isEmpty ? self : try applying(edit)
    }
}

extension Notes {
    private static let precisionKey = "winnow.precision"

    /// Whether a layer was left in float because rounding it would harm the outputs.
    package var staysFloat: Bool {
        get { properties[Self.precisionKey] == "float32" }
        set { properties[Self.precisionKey] = newValue ? "float32" : nil }
    }
}

extension Finding {
    /// A weight's element size before and after, and how far its values moved.
    static func quantized(
        _ name: ValueName, _ weight: Tensor, _ parameters: QuantizationParameters, as values: Tensor? = nil,
        from stored: ElementType = .float32
    ) -> Finding {
        let error = values.map { weight.relativeError(of: $0) }
            ?? weight.relativeError { parameters.roundTrip(weight, in: $0).map(Double.init) }
        var finding = Finding(
            name, .done, .elementSize, before: Double(stored.bitWidth),
            after: Double(parameters.elementType.bitWidth),
            reason: "relative error \(error)")
        finding.codes = Finding.Codes(parameters).with(relativeError: error, clippedPart: parameters.clippedPart(of: weight))
        return finding
    }
}

extension Tensor {
    /// ‖other − self‖ / ‖self‖, to five places.
    func relativeError(of other: Tensor) -> Double {
        relativeError { other.doubles(in: $0.clamped(to: 0..<other.elementCount)) }
    }

    /// The same against values that come some at a time.
    func relativeError(of others: (Range<Int>) -> [Double]) -> Double {
        var (norm, distance) = (SIMD8<Double>(), SIMD8<Double>())
        for piece in pieces {
            let (own, other) = (doubles(in: piece), others(piece))
            let count = min(own.count, other.count)
            own.withUnsafeBytes { own in
                other.withUnsafeBytes { other in
                    for offset in stride(from: 0, to: count / 8 * 64, by: 64) {
                        let a = own.loadUnaligned(fromByteOffset: offset, as: SIMD8<Double>.self)
                        let difference = a - other.loadUnaligned(fromByteOffset: offset, as: SIMD8<Double>.self)
                        norm += a * a
                        distance += difference * difference
                    }
                }
            }
            for index in (count / 8 * 8)..<count {
                norm[0] += own[index] * own[index]
                distance[0] += (own[index] - other[index]) * (own[index] - other[index])
            }
        }
        guard norm.sum() > 0 else { return 0 }
        return ((distance.sum() / norm.sum()).squareRoot() * 1e5).rounded() / 1e5
    }
}
