public import WinnowGraph
import WinnowTensor

/// Makes a float model of one with codes.
///
/// ```
/// %q = QuantizeLinear(%1, @s, @z)                          %2 = Conv(%1, @w, @b)
/// %c = QLinearConv(%q, …, @w.codes, …, @b.codes)    →      %3 = Relu(%2)
/// %3 = DequantizeLinear(%c, @s2, 0)
/// ```
public struct Dequantization: Pass {
    public static let name = "dequantize"
    public static let summary = "makes floats of codes again: weights as the numbers they stand for, activations without rounding"
    public static let guide = """
        Weights become what their codes stand for, scale · (code − zero point), whatever holds them: DequantizeLinear, tables, MatMulNBits, \
        GatherBlockQuantized. Operators on codes (QLinearConv, MatMulInteger and the rest) become those on floats, and the rounding of \
        activations goes. Where codes end at 0, or at whole numbers, a Relu or Clip that the rounding did in passing is put back \
        (limits=all keeps every range, none no limit). What was rounded away does not come back. Codes that are inputs or outputs of \
        the model stay. Put it before another quantization of a model that has codes already. halves=true makes float32 of float16 and bfloat16.
        """
    public static let isIdempotent = true

    @Hyperparameter("which ends of ranges of codes stay as limits; activations: those of a Relu or Clip: at 0, or whole numbers apart")
    public var limits = Limits.activations
    @Hyperparameter("make float32 of float16 and bfloat16, but for inputs and outputs of the model") public var halves = false

    /// Which ends of ranges of codes limit what was rounded, now that nothing rounds it.
    public enum Limits: String, HyperparameterChoice, Codable {
        /// Those at which a Relu or Clip ends that runtimes leave out in front of QuantizeLinear: 0, or whole numbers that are as far apart.
        case activations
        /// Both ends of every range of one scale that a file fixes.
        case all
        /// None.
        case none
    }

    public init() {}

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        let floats = try dequantized(graph, avoiding: [])
        guard halves else { return floats.tellingOfNoWeights }
        let widened = try floats.graph.wideningHalves()
        let widths = Set(widened.findings.map(\.subject))
        return PassResult(
            graph: widened.graph, findings: floats.findings.filter { $0.status == .done || !widths.contains($0.subject) } + widened.findings
        ).tellingOfNoWeights
    }

    /// - Parameter outer: value names of the graphs around a body.
    private func dequantized(_ graph: Graph, avoiding outer: Set<ValueName>) throws -> PassResult {
        let taken = outer.union(graph.infos.keys)
        let single = graph.constantsOfSingleBodies
        let bodies = try graph.rewritingBodies { body in
            // Codes around a body that nothing else reads may as well be its own.
            let result = try dequantized(body.holding(single), avoiding: taken)
            let held = result.graph.initializers
            let rest = body.captures.filter { single[$0.key] != nil && held[$0.key] == single[$0.key] }
            return PassResult(graph: try result.graph.capturing(rest), findings: result.findings.filter { rest[$0.subject] == nil })
        }
        var removal = CodeRemoval(bodies.graph, avoiding: outer)
        try removal.run(limits)
        var ledger = WeightLedger(graph, includesBodies: false)
        for finding in removal.findings { ledger.note(finding) }
        let result = removal.graph
        let own = ledger.findings { name in
            result.initializers[name] == nil ? "it belongs to codes, and is gone with them" : "it is float: no codes stand for it"
        }
        // What leaves codes alone elsewhere names this pass.
        let findings = (own + bodies.findings).map { finding in
            var finding = finding
            finding.reason = finding.reason.replacing(Finding.codesRemedy, with: "")
            return finding
        }
        return PassResult(graph: result, findings: findings)
    }
}
