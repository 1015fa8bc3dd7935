public import WinnowGraph
import WinnowTensor

/// Multiplies values between layers with an orthogonal matrix that spreads outliers, x ← x·R, and weights with its inverse: the model
/// computes the same, and its weights and values are easier to round (Ashkboos et al. 2024, "QuaRot"; Chee et al. 2023, "QuIP").
///
/// ```
/// %1 = MatMul(%0, @a)                    %1 = MatMul(%0, @a·R)
/// %2 = Add(%1, %residual·R)          →   %2 = Add(%1, %residual)
/// %3 = MatMul(RMSNorm(%2) · γ, @b)       %3 = MatMul(RMSNorm(%2), Rᵀ·diag(γ)·@b)
/// ```
public struct HadamardRotation: Pass {
    public static let name = "hadamard-rotation"
    public static let summary = "spreads outliers over channels by rotations folded into weights, so that few bits do"
    public static let guide = """
        Between two layers with nothing but what is linear along the last axis in between (sums, factors for all, shapes, sums over \
        rows by attention, RMS and layer normalization), values may be multiplied with any orthogonal matrix and the weights with its \
        inverse. A Hadamard matrix with random signs gives each channel an equal part of all others, so that none is an outlier. Scales \
        and shifts of normalizations go into the layers behind them first. Outputs stay the same up to rounding. Use it before \
        weight-only-quantization or static-quantization of transformers, and after svd-factorization.
        """

    public var choice = WeightChoice()

    public init() {}

    public func apply(to graph: Graph, in context: PassContext) throws -> PassResult {
        try checkHyperparameters()
        let selection = try choice.selection(in: graph)
        var ledger = WeightLedger(graph)
        ledger.keepWeights(of: graph, notIn: selection)
        let first = MatrixLayers(graph, selection)
        let prepared = try first.movingScales(of: first.found.all.flatMap(\.normalizations))
        let layers = MatrixLayers(prepared, selection)
        let (found, refused) = layers.found
        var tensors: [ValueName: Tensor] = [:]
        for (place, values) in found.enumerated() {
            let rotation = Rotation(size: values.size, keepsMeans: values.keepsMeans, seed: context.seed &+ UInt64(place))
            for operand in values.weights + values.constants {
                guard let own = tensors[operand.tensor] ?? prepared.initializers[operand.tensor] else { continue }
                let rotated = rotation.applied(to: own, axis: operand.axis)
                tensors[operand.tensor] = rotated
                guard values.weights.contains(operand) else {
                    ledger.note(Finding(operand.tensor, .done, .none, reason: "turned with what it is added to"))
                    continue
                }
                ledger.note(
                    Finding(
                        operand.tensor, .done, .channelSpread, before: own.spread(along: operand.axis), after: rotated.spread(along: operand.axis),
                        reason: "blocks of \(values.size) along axis \(operand.axis)"))
            }
        }
        for (weight, reason) in refused.sorted(by: { $0.key < $1.key }) where !ledger.has(weight) { ledger.skip(weight, reason) }
        let result = try prepared.settingInitializers(tensors.mapValues { $0.spilled() })
        return PassResult(graph: found.isEmpty ? graph : result, findings: ledger.findings { _ in "belongs to no layer whose inputs or outputs may be rotated" })
    }
}

extension Tensor {
    /// The largest magnitude of an index of an axis by the mean of all indices.
    fileprivate func spread(along axis: Int) -> Double {
        var largest = [Float](repeating: 0, count: shape[axis])
        let (inner, extent) = (shape.strides[axis], shape[axis])
        withElements(Float.self) { values in
            for (place, value) in values.enumerated() { largest[place / inner % extent] = max(largest[place / inner % extent], value.magnitude) }
        }
        let mean = largest.reduce(0) { $0 + Double($1) } / Double(max(1, largest.count))
        return mean > 0 ? Double(largest.max() ?? 0) / mean : 1
    }
}
