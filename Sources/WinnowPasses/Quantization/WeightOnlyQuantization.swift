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
        16 with zero points, clipped by least error. The file shrinks to a quarter (int8) or less; speed changes only where the runtime \
        has kernels for it. int4 and blocks need operator set 21.
        """
    public static let strengths = [Strength("bits", rising: [8, 4])]
    public static let isIdempotent = true

    @Hyperparameter("a scheme by its name; none: what bits, per-channel and block-size say")
    public var scheme: Chosen<QuantizationPresets>? = nil
    @Hyperparameter("bits of a weight without a scheme: 8 or 4", in: 4...8) public var bits = 8
    @Hyperparameter("a scale for every output channel, instead of one for the tensor; none: with 4 bits, scheme int4 in its place")
    public var perChannel: Bool? = nil
    @Hyperparameter("weights that share a scale along the summed axis of a matrix, 0: no blocks; none: as per-channel", in: 0...65536)
    public var blockSize: Int? = nil
    @Hyperparameter("whether layers that lose most have 8 bits; none: as the scheme has it, int4 and its like have") public var mixed: Bool? = nil
    @Hyperparameter("other schemes for some weights, or float; the first rule that matches holds") public var rules: [SchemeRule] = []
    public var rounding = RoundingChoice()
    @Hyperparameter("what holds matrices with blocks of 16 to 256: matmul-nbits is ONNX Runtime's own, and needs no newer operator set")
    public var matrices = MatrixStorage.dequantizeLinear
    public var choice = WeightChoice()

    public init() {}

    public var needs: PassNeeds { rounding.needs }

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        let (base, isPreset) = try baseScheme()
        for rule in rules { try rule.check(in: graph) }
        return try graph.rewritingWeights(
            choice, hasTables: isPreset, prepare: { try base.isMixed ? $0.storingMatricesForBlocks(where: $1) : $0 }
        ) { targets in
            let scheme = base.with { $0.isMixed = mixed ?? $0.isMixed }
            let assignment = SchemeAssignment(scheme, rules, for: targets.targets)
            let rounding = base.isMixed ? rounding.otherwise("sum-preserving") : rounding
            return try targets.store(rounding: rounding, context, matrices: matrices) { assignment($0) }
        }
    }

    /// The scheme of weights without a rule, and whether it is one that tables have too.
    private func baseScheme() throws -> (scheme: QuantizationScheme, isPreset: Bool) {
        guard bits == 8 || bits == 4 else {
            throw WinnowError(
                .recipe, "bits", "is \(bits)", remedy: "use 8 or 4, or fixed-point-quantization for other widths")
        }
        let isPlain = perChannel != nil || blockSize != nil
        if let scheme {
            guard !isPlain, bits == 8 else {
                throw WinnowError(
                    .recipe, "scheme \(scheme)", "says already what bits, per-channel and block-size would", remedy: "set the one or the others")
            }
            return (scheme.member.scheme, true)
        }
        if bits == 4, !isPlain { return (QuantizationPreset.int4.scheme, true) }
        return (QuantizationScheme(bits: bits, .init(perChannel: perChannel ?? true, blockSize: blockSize ?? 0)), false)
    }
}

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
