public import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Stores weights as codes of few bits and computes in float.
public struct WeightOnlyQuantization: Pass {
    public static let name = "weight-only-quantization"
    public static let summary = "weights as integers or small floats, float arithmetic; needs no data"
    public static let guide = """
        Weights become codes with a scale for every output channel or block: integers behind a DequantizeLinear, other numbers in a \
        table. bits=4, or scheme=int4, chooses for each layer: the layers that would lose most stay at 8 bits, the others get blocks of \
        16 with zero points, clipped by least error. size says how large all codes may be, and each weight gets as many bits as its error \
        asks for; max-drop gives more bits, or floats, until validation accuracy or agreement holds; latency gives as many as the time \
        of a sample allows. The file shrinks to a quarter (int8) or less; speed changes only where the runtime \
        has kernels for it. int4 and blocks need operator set 21.
        """
    public static let strengths = [Strength("bits", rising: [8, 4])]
    public static let isIdempotent = true

    @Hyperparameter("a scheme by its name; none: what bits, per-channel and block-size say")
    public var scheme: Chosen<QuantizationPresets>? = nil
    @Hyperparameter("bits of a weight, in a scheme's place: 8 or 4; none: 8, or as the scheme has it", in: 4...8) public var bits: Int? = nil
    @Hyperparameter("a scale for every output channel, instead of one for the tensor; none: with 4 bits, scheme int4 in its place")
    public var perChannel: Bool? = nil
    @Hyperparameter(
        "weights of a matrix that share a scale: so many along the sum, or outputs x inputs as 128x128; 0: no blocks; none: as per-channel",
        in: 0...65536)
    public var blockSize: ScaleBlock? = nil
    @Hyperparameter("which numbers scales are; none: as the scheme has them, float32 without one") public var scales: ScaleChoice? = nil
    @Hyperparameter("whether layers that lose most have 8 bits; none: as the scheme has it, int4 and its like have") public var mixed: Bool? = nil
    @Hyperparameter(
        "bytes that codes may take, as a part of the weights' own: each weight gets as many bits as its error asks for; none: as the scheme has it",
        in: 0.01...1)
    public var size: Double? = nil
    @Hyperparameter(
        "points that validation accuracy or agreement may drop, or a metric in its unit: weights get more bits, at last floats, until it holds",
        in: 0...1e6)
    public var maxDrop: Double? = nil
    @Hyperparameter(
        "part of a sample's latency, measured here, or time: 60%, 3ms; weights get as many bits, or floats, as keep it",
        in: 0.01...1, counts: .absent("max-drop"))
    public var latency: LatencyLimit? = nil
    @Hyperparameter("other schemes for some weights, or float; the first rule that matches holds") public var rules: [SchemeRule] = []
    public var given = EncodingChoice()
    public var rounding = RoundingChoice()
    @Hyperparameter("what holds matrices with blocks of 16 to 256: matmul-nbits is ONNX Runtime's own, and needs no newer operator set")
    public var matrices = MatrixStorage.dequantizeLinear
    @Hyperparameter("what holds tables: gather-block-quantized is ONNX Runtime's own, of which only rows that are read become numbers")
    public var tables = TableStorage.dequantizeLinear
    @Hyperparameter("what holds codes of 2 bits: int2 needs operator set 25, and of runtimes ONNX Runtime alone reads it")
    public var twoBitCodes = TwoBitStorage.int4
    public var choice = WeightChoice()

    public init() {}

    public var needs: PassNeeds { maxDrop == nil ? rounding.needs : .calibration }
    public var files: [String] { given.files }

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        for rule in rules { try rule.check(in: graph) }
        let table = try given.table(about: graph)
        try table.check(in: graph)
        switch (maxDrop, latency) {
        case (nil, nil): return try storing(graph, within: size, SchemeLadder.Costs(), table, context)
        case (let drop?, nil): return try storing(graph, dropping: drop, table, context)
        case (nil, let limit?): return try storing(graph, keeping: limit, table, context)
        case (_?, _?): throw WinnowError(.recipe, "latency", "and max-drop both say how many bits weights have", remedy: "set one of them")
        }
    }

    /// The graph with codes of so many bytes, as a part of the weights'; nil: as many as the scheme asks for.
    private func storing(
        _ graph: Graph, within size: Double?, _ costs: SchemeLadder.Costs, _ table: EncodingTable, _ context: PassContext
    ) throws -> PassResult {
        let (base, isPreset) = try baseScheme()
        var (used, exceptions): ([ValueName: QuantizationParameters], [String: [ValueName]]) = ([:], [:])
        var result = try graph.rewritingWeights(
            choice, tables: isPreset || graph.lookupSites.contains { table.encodings[$0.tensor] != nil } ? .all : .multiplied,
            prepare: { graph, selection, _ in try base.isMixed ? graph.storingMatricesForBlocks(where: selection) : graph }
        ) { targets in
            let isFree = isPreset && self.scheme == nil
            let scheme = base.with { $0.isMixed = mixed ?? $0.isMixed }
            let budget = size.map { SchemeBudget(size: $0, ladder(from: scheme, isFree: isFree), costs, isExact: !searches) }
            let assignment = try SchemeAssignment(scheme, rules, scales: scales, for: targets.targets, within: budget)
            let rounding = base.isMixed ? rounding.otherwise("sum-preserving") : rounding
            let given = try table.parameters(of: targets.targets) { assignment($0).scheme ?? scheme }
            used.merge(given) { $1 }
            for target in targets.targets {
                if let name = assignment.exception(target) { exceptions[name, default: []].append(target.tensor) }
            }
            let floats = table.floats(in: targets.graph)
            return try targets.store(rounding: rounding, context, matrices: matrices, tables: tables, twoBits: twoBitCodes, given: given) { target in
                if given[target.tensor] != nil { return (scheme, "as \(table.source) says") }
                if floats.contains(target.tensor) { return (nil, "stays float, as \(table.source) says") }
                guard !isPreset, target.isLookedUp else { return assignment(target) }
                return (nil, Finding.lookedUp)
            }
        }
        result.findings += table.findings(used, in: result.graph)
        if searches {
            let step = size == nil ? asked : withoutSearch(exceptions)
            result.findings.append(Finding("graph", .done, reason: "for a recipe, the same codes without looking for them: - \(step)"))
        }
        return result
    }

    /// The same without a bound.
    private var asked: WeightOnlyQuantization {
        var step = self
        (step.maxDrop, step.latency) = (nil, nil)
        return step
    }

    /// What a recipe says for schemes that were found, by their names.
    private func withoutSearch(_ exceptions: [String: [ValueName]]) -> WeightOnlyQuantization {
        var step = asked
        (step.size, step.mixed) = (nil, false)
        // What a size asks for without a scheme, tables too.
        if exceptions.keys.contains(where: { $0.hasPrefix("uint4") }), scheme == nil { step.bits = 4 }
        for (name, tensors) in exceptions.sorted(by: { $0.key < $1.key }) {
            let globs = tensors.map(Selection.literal)
            if name == "float" {
                step.choice.except += globs
            } else if QuantizationPresets.names.contains(name), let scheme = Chosen<RuleSchemes>(.string(name)) {
                step.rules.append(SchemeRule(weights: globs, SchemeSettings(scheme: scheme)))
            }
        }
        return step
    }

    /// The smallest that loses no more than so many points: first as asked, then with more and more bytes.
    private func storing(
        _ graph: Graph, dropping drop: Double, _ table: EncodingTable, _ context: PassContext
    ) throws -> PassResult {
        var bound = try DropBound(drop, from: graph, context)
        let costs = SchemeLadder.Costs()
        var quiet = context
        quiet.progress = nil
        return try bound.smallest(from: size) { try storing(graph, within: $0, costs, table, quiet) }
    }

    /// Sizes between none and `size` that are tried for a latency.
    private static let sizeCount = 64

    /// The largest codes, at first floats, with which a sample takes no longer.
    private func storing(
        _ graph: Graph, keeping limit: LatencyLimit, _ table: EncodingTable, _ context: PassContext
    ) throws -> PassResult {
        let (cost, costs, largest) = (ModelCost.latency, SchemeLadder.Costs(), size ?? 1)
        var quiet = context
        quiet.progress = nil
        let whole = if case .milliseconds = limit { try cost.value(of: graph, on: context.sample(for: graph), in: context) } else { 1.0 }
        var result = PassResult(graph: graph)
        let order = ChannelOrder([(1...Self.sizeCount).map(Double.init)])
        // What is made last is what was found.
        let cut = try CostBudget(cost: cost, share: limit.share(of: whole)).cut(order, of: graph, rest: "other weights", in: context) { length in
            result = try storing(graph, within: largest * Double(Self.sizeCount - length) / Double(Self.sizeCount), costs, table, quiet)
            return result.graph
        }
        result.findings.append(cut.finding)
        return result
    }

    /// Whether bits are looked for, up to floats.
    private var searches: Bool { maxDrop != nil || latency != nil }

    /// The schemes that weights step through for a size, the smallest first.
    ///
    /// - Parameter isFree: whether blocks may be of any size.
    private func ladder(from base: QuantizationScheme, isFree: Bool) -> [SchemeLadder.Named] {
        let least: [SchemeLadder.Named] =
            isFree
            ? [128, 64, 32, 16].map { size in let preset = QuantizationPreset.uint(4, size); return (preset.name, preset.scheme) }
            : [(scheme.map { "\($0)" } ?? "int\(bits ?? 8)", base)]
        let eight: [SchemeLadder.Named] = base.bits < 8 ? [("int8", QuantizationScheme(bits: 8, .channel))] : []
        let codes: [SchemeLadder.Named] = (least + eight).map { ($0.name, $0.scheme?.taking(scales)) }
        return codes + (searches ? [("float", nil)] : [])
    }

    /// The scheme of weights without a rule, and whether it is one that tables have too.
    private func baseScheme() throws -> (scheme: QuantizationScheme, isPreset: Bool) {
        let (base, isPreset) = try ownScheme()
        if let scales, let reason = scales.objection(to: base) {
            throw WinnowError(
                .recipe, "scales \(scales.rawValue)", "go with other codes: \(reason)",
                remedy: base.levels == .palette ? "leave them out, or use another scheme" : "use float32 or float16, or another scheme")
        }
        return (base, isPreset)
    }

    private func ownScheme() throws -> (scheme: QuantizationScheme, isPreset: Bool) {
        let width = bits ?? 8
        guard width == 8 || width == 4 else {
            throw WinnowError(
                .recipe, "bits", "is \(width)", remedy: "use 8 or 4, or fixed-point-quantization for other widths")
        }
        let isPlain = perChannel != nil || blockSize != nil
        if let scheme {
            guard !isPlain, bits ?? scheme.member.scheme.bits == scheme.member.scheme.bits else {
                throw WinnowError(
                    .recipe, "scheme \(scheme)", "says already what bits, per-channel and block-size would", remedy: "set the one or the others")
            }
            return (scheme.member.scheme, true)
        }
        if width == 4 || size != nil, !isPlain { return (QuantizationPreset.int4.scheme, true) }
        return (QuantizationScheme(bits: width, .init(perChannel: perChannel ?? true, blockSize: blockSize ?? 0)), false)
    }
}

extension WeightOnlyQuantization: HyperparameterConvertible {}

extension Graph {
    /// The graph with matrices of Gemm stored as inputs by outputs, in which runtimes have kernels for blocks of codes.
    fileprivate func storingMatricesForBlocks(where selection: Selection) throws -> Graph {
        let index = GraphIndex(self)
        var edit = GraphEdit()
        for site in weightSites where site.inputIndex == 1 && site.operand == site.tensor && selection.reason(against: site) == nil {
            guard var gemm = site.node.op as? Gemm, gemm.transposesRight, index.soleConsumer(of: site.tensor) != nil,
                let weight = initializers[site.tensor], reasonAgainstCoding(site) == nil
            else { continue }
            gemm.transposesRight = false
            var changed = site.node
            changed.op = gemm
            edit.removedNodes.insert(changed.name)
            edit.addedNodes.append(changed)
            edit.initializers.append((site.tensor, weight.transposed([1, 0]).spilled()))
        }
        return edit.removedNodes.isEmpty ? self : try applying(edit)
    }
}
