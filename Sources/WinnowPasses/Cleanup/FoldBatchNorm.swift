package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Multiplies a BatchNormalization into the weights of the Conv or Gemm before it.
///
/// W′ = W·γ/√(σ²+ε) along the output channels, b′ = (b−μ)·γ/√(σ²+ε) + β.
/// ```
/// %2 = Conv(%1, @w, @b)
/// %3 = BatchNormalization(%2, @γ, @β, @μ, @σ²)   →   %3 = Conv(%1, @w′, @b′)
/// ```
package struct FoldBatchNorm: Pass {
    package static let name = "fold-batch-norm"
    package static let summary = "multiplies BatchNormalization into the Conv or Gemm before it"
    package static let guide = """
        W' = W·γ/√(σ²+ε) along the output channels, b' = (b−μ)·γ/√(σ²+ε) + β. The outputs stay the same up to rounding. \
        Fold before quantizing; keep BatchNormalization while training.
        """

    package init() {}

    package func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        var result = graph
        var ledger = WeightLedger(graph)
        for name in graph.nodes.filter({ $0.op is BatchNormalization }).map(\.name) {
            guard let edit = try Self.folding(name, in: GraphIndex(result)) else {
                ledger.skip(
                    name, "it does not follow a Conv, Gemm or MatMul with a constant weight and no other reader")
                continue
            }
            result = try result.applying(edit)
            ledger.note(Finding(name, quantity: "nodes", before: 1, after: 0))
        }
        for name in graph.weightTensors {
            guard let old = graph.initializers[name], old != result.initializers[name] else { continue }
            if let new = result.initializers[name] {
                ledger.note(
                    Finding(
                        name, quantity: "largest magnitude", before: Double(old.largestMagnitude),
                        after: Double(new.largestMagnitude)))
            } else {
                ledger.note(.bytes(of: name, from: graph, to: result))
            }
        }
        return PassResult(graph: result, findings: ledger.findings { _ in "no BatchNormalization follows it" })
    }

    /// The edit that folds a normalization into its producer; the weight keeps its name unless others read it too.
    private static func folding(_ name: String, in index: GraphIndex) throws -> GraphEdit? {
        guard let node = index.graph.node(named: name), let producer = index.producer(of: node.input(0)),
            let contraction = producer.op as? any ChannelContraction,
            var edit = try contraction.foldingAffine(of: producer, in: index)
        else { return nil }
        guard let weight = producer.input(1), index.soleConsumer(of: weight) != nil else { return edit }
        let bias = producer.input(2).flatMap { index.soleConsumer(of: $0) == nil ? nil : $0 } ?? "\(producer.name).bias"
        let wanted = [weight, index.constant(bias) != nil ? bias : index.graph.freshValueName(bias)]
        let names = Dictionary(zip(edit.initializers.map(\.name), wanted), uniquingKeysWith: { first, _ in first })
        edit.initializers = edit.initializers.map { (names[$0.name] ?? $0.name, $0.tensor) }
        for position in edit.addedNodes.indices {
            edit.addedNodes[position].inputs = edit.addedNodes[position].inputs.map { names[$0] ?? $0 }
        }
        return edit
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
