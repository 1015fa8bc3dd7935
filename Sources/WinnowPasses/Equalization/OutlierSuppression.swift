public import WinnowGraph
import WinnowOperators
import WinnowTensor

/// Moves the scale γ of normalizations into the layers behind them, for γ makes outliers of some channels: LN(x; γ, β) becomes
/// LN(x; sign γ, β/|γ|), weights diag(|γ|)·W, and what else reads it gets it times |γ| (Wei et al. 2022, "Outlier Suppression", section 4.1).
///
/// ```
/// %2 = LayerNormalization(%1, @γ, @β)       %2' = LayerNormalization(%1, @±1, @β/|γ|)
/// %3 = MatMul(%2, @w)                   →   %3 = MatMul(%2', diag(|γ|)·@w)
/// %4 = Add(%2, %3)                          %2 = Mul(%2', @|γ|);  %4 = Add(%2, %3)
/// ```
public struct OutlierSuppression: Pass {
    public static let name = "outlier-suppression"
    public static let summary = "moves scales of normalizations, which make outliers, into the layers behind them; needs no data"
    public static let guide = """
        What a LayerNormalization gives has a few channels far larger than the rest, and most of that is its scale γ. Without γ the \
        values that layers read as codes have smaller ranges; the weights, which have a scale for every output channel, take it. What \
        else reads them, as the sum around a layer, gets them times γ. Outputs stay the same up to rounding. Use it before \
        static-quantization of transformers; range: token-percentile clips what single tokens have beyond the others.
        """
    public static let isIdempotent = true

    public var choice = WeightChoice()

    public init() {}

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        let selection = try choice.selection(in: graph)
        var ledger = WeightLedger(graph)
        ledger.keepWeights(of: graph, notIn: selection)
        let layers = MatrixLayers(graph, selection)
        var (edit, names) = (GraphEdit(), FreshNames(graph))
        for node in graph.nodes where layers.normalizesLastAxis(node) {
            guard let (scale, shift) = layers.scaleAndShift(node), scale.floats().contains(where: { $0.magnitude != 1 && $0 != 0 }),
                let output = node.output(0)
            else { continue }
            let readers = layers.index.consumers(of: output)
            let own = readers.compactMap { layers.reader($0, of: output) }
            guard !own.isEmpty else { ledger.skip(node.name, "no layer that may change reads it"); continue }
            let factors = Self.factors(scale.floats(), shift?.floats())
            var plain = node
            func constant(_ part: String, _ numbers: [Float]) -> ValueName {
                let name = names.value("\(node.name).\(part)")
                edit.initializers.append((name, Tensor(numbers)))
                return name
            }
            plain.inputs[1] = constant("scale", zip(scale.floats(), factors).map { $0 / $1 })
            if let shift { plain.inputs[2] = constant("shift", zip(shift.floats(), factors).map { $0 / $1 }) }
            edit.removedNodes.insert(node.name)
            edit.addedNodes.append(plain)
            for (site, operand) in own {
                guard let weight = graph.initializers[operand.tensor] else { continue }
                let changed = weight.scaled(by: factors.map(Double.init), axis: operand.axis)
                edit.initializers.append((operand.tensor, changed.spilled()))
                ledger.note(
                    Finding(
                        site.tensor, .done, .largestMagnitude, before: Double(weight.largestMagnitude), after: Double(changed.largestMagnitude),
                        reason: "takes the scale of \(node.name)"))
            }
            guard own.count < readers.count || layers.index.isOutput(output) else { continue }
            let value = names.value("\(output).plain")
            edit.addedNodes[edit.addedNodes.count - 1].outputs[0] = value
            for (site, _) in own {
                var reader = site.node
                reader.inputs[0] = value
                edit.removedNodes.insert(reader.name)
                edit.addedNodes.append(reader)
            }
            edit.addedNodes.append(
                Node(name: names.node("\(node.name).scaled"), op: Mul(), inputs: [value, constant("factor", factors)], outputs: [output]))
        }
        let result = edit.addedNodes.isEmpty ? graph : try graph.applying(edit).removingDeadNodes()
        return PassResult(graph: result, findings: ledger.findings { _ in "no normalization with a scale is before its layer" })
    }

    /// What channels are divided by; 1 where the scale is so small beside the others, or the shift so large, that quotients say nothing.
    private static func factors(_ scale: [Float], _ shift: [Float]?) -> [Float] {
        let least = 1e-6 * (scale.map(\.magnitude).max() ?? 0)
        return scale.enumerated().map { index, number in
            let isUsable = number.magnitude > least && ((shift?[index] ?? 0) / number).magnitude < 1e30
            return isUsable ? number.magnitude : 1
        }
    }
}
