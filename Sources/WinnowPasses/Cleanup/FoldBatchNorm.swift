public import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Multiplies a BatchNormalization, or the Mul and Add that stand for one, into the weights of the Conv, Gemm or MatMul
/// before it.
///
/// W′ = W·γ/√(σ²+ε) along the output channels, b′ = (b−μ)·γ/√(σ²+ε) + β.
/// ```
/// %2 = Conv(%1, @w, @b)
/// %3 = BatchNormalization(%2, @γ, @β, @μ, @σ²)   →   %3 = Conv(%1, @w′, @b′)
/// ```
public struct FoldBatchNorm: Pass {
    public static let name = "fold-batch-norm"
    public static let page = "Cleanup"
    public static let summary = "multiplies BatchNormalization into the Conv, Gemm or MatMul before it"
    public static let guide = """
        W' = W·γ/√(σ²+ε) along the output channels, b' = (b−μ)·γ/√(σ²+ε) + β. Constant factors and terms of channels (Mul, \
        Div, Add, Sub), as exporters spell a normalization, fold likewise. The outputs stay the same up to rounding. A weight \
        that others read too is left alone, as folding would store it twice. Fold before quantizing; keep BatchNormalization \
        while training.
        """
    public static let isIdempotent = true

    public init() {}

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        let index = GraphIndex(graph)
        var names = FreshNames(graph)
        var ledger = WeightLedger(graph)
        var edits: [GraphEdit] = []
        for node in graph.nodes {
            guard let run = AffineRun(after: node, in: index) else { continue }
            switch run.folding(in: index, names: &names) {
            case .success(let edit?):
                edits.append(edit)
                for follower in run.followers { ledger.note(Finding(follower.name, .done, .nodes, before: 1, after: 0)) }
            case .success(nil): continue
            case .failure(let refusal): ledger.skip(refusal.subject, refusal.reason)
            }
        }
        let result = try graph.applying(edits)
        for node in result.nodes where node.op is BatchNormalization && !ledger.has(node.name) {
            let type = node.input(0).flatMap { result.infos[$0]?.elementType } ?? .float32
            ledger.skip(
                node.name,
                type == .float32 ? "it does not follow a Conv, Gemm or MatMul whose result nothing else reads, or is not constant"
                    : "it computes in \(type), and float32 alone is folded")
        }
        Self.note(graph, result, in: &ledger)
        return PassResult(graph: result, findings: ledger.findings { _ in "nothing is folded into it" })
    }

    /// What became of the weights.
    private static func note(_ graph: Graph, _ result: Graph, in ledger: inout WeightLedger) {
        for name in graph.weightTensors {
            guard let old = graph.initializers[name], old != result.initializers[name] else { continue }
            if let new = result.initializers[name] {
                ledger.note(
                    Finding(
                        name, .done, .largestMagnitude, before: Double(old.largestMagnitude),
                        after: Double(new.largestMagnitude)))
            } else {
                ledger.note(.bytes(of: name, from: graph, to: result))
            }
        }
    }
}

extension Tensor {
    /// The float32 tensor with every slice along `axis` multiplied by its factor.
    func scaled(by factors: [Double], axis: Int) -> Tensor {
        var result = self
        let inner = shape[(axis + 1)...].reduce(1, *)
        result.withMutableElements(Float.self) { values in
            for i in values.indices { values[i] = Float(Double(values[i]) * factors[(i / inner) % factors.count]) }
        }
        return result
    }

    /// The largest absolute value of a float32 tensor.
    var largestMagnitude: Float { elements(Float.self)?.reduce(0) { max($0, $1.magnitude) } ?? 0 }
}
