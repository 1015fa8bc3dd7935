import Foundation
import WinnowGraph
import WinnowKernels
import WinnowOperators
import WinnowTensor

extension BiasCorrection {
    /// b −= Σ (ŵ − w)·E[x] over a layer's inputs and taps, E[x] the mean that the normalization before the layer gives its
    /// channels (Nagel et al. 2019, section 4.2.1 and appendix C).
    func correctingByNormalizations(
        _ layers: [CorrectedLayer], _ wanted: [WeightSite], in graph: Graph, from original: Graph, _ ledger: WeightLedger
    ) throws -> PassResult {
        var (ledger, result) = (ledger, graph)
        let folded = try FoldBatchNorm()(original.foldingMasks()).graph
        let sites = WeightSites(of: folded)
        let (before, now) = (GraphIndex(original), GraphIndex(graph))
        for layer in layers {
            guard let site = sites.counterpart(of: layer.site), let contraction = Contraction(site, in: folded),
                let data = now.unquantized(layer.site.data), let means = before.normalizedMeans(of: data),
                means.count == contraction.inputCount * contraction.groupCount
            else { ledger.keep(layer.weight, "no BatchNormalization tells the means of its inputs"); continue }
            // As the layer was, or with a normalization behind it folded in, whichever this is the rounding of.
            guard let new = try graph.weight(readBy: layer.site)?.converted(to: .float32),
                let old = [folded, original].compactMap({ $0.initializers[site.tensor]?.converted(to: .float32) })
                    .filter({ $0.shape == new.shape }).min(by: { $0.relativeError(of: new) < $1.relativeError(of: new) })
            else {
                ledger.keep(layer.weight, "its weight is not stored as it was")
                continue
            }
            let matrices = [old, new].map { contraction.matrix(of: $0) }
            let factor = Double(layer.site.node.op.factors.product)
            let shift = (0..<contraction.outputCount).map { row in
                (0..<contraction.depth).reduce(0.0) {
                    $0 + factor * Double(matrices[0][row, $1] - matrices[1][row, $1]) * means[contraction.input(row: row, column: $1)]
                }
            }
            guard shift.allSatisfy(\.isFinite) else { ledger.keep(layer.weight, "the normalization before it is not finite"); continue }
            result = try layer.bias.shifting(by: shift, in: result)
            let largest = shift.map(\.magnitude).max() ?? 0
            ledger.note(Finding(layer.bias.tensor, .done, .largestMeanShift, before: largest, after: 0))
            ledger.keep(layer.weight, "only its layer's bias is corrected")
        }
        for site in wanted where !ledger.has(site.tensor) {
            ledger.keep(site.tensor, CorrectedLayer.objection(to: site, in: graph))
        }
        return PassResult(graph: result, findings: ledger.findings { _ in "is no bias of a layer" })
    }
}

extension WeightSite {
    /// What the weight is multiplied with.
    fileprivate var data: ValueName { node.input(1 - inputIndex) ?? "" }
}

extension GraphIndex {
    /// A value before it became codes and numbers again.
    fileprivate func unquantized(_ value: ValueName) -> ValueName? {
        guard let node = producer(of: value), node.op is DequantizeLinear, let quantize = producer(of: node.input(0)) else { return value }
        return quantize.input(0)
    }

    /// The means of the channels of a value that a BatchNormalization made, as it is or behind Relu or Clip: of normal numbers
    /// with mean shift and deviation |scale|, those outside the bounds as the nearest bound. nil where something else made it.
    func normalizedMeans(of value: ValueName) -> [Double]? {
        guard let node = producer(of: value) else { return nil }
        if let op = node.op as? BatchNormalization, !op.isMarkedTraining {
            guard let scale = constant(node.input(1)), let shift = constant(node.input(2)) else { return nil }
            return scale.elementCount == shift.elementCount ? shift.doubles() : nil
        }
        guard case .between(let bounds)? = node.op.passing(of: node, in: self), let producer = producer(of: node.input(0)),
            producer.op is BatchNormalization, let scale = constant(producer.input(1)), let shift = constant(producer.input(2))
        else { return nil }
        return zip(scale.doubles(), shift.doubles()).map { bounds.clippedMean(mean: $1, deviation: $0.magnitude) }
    }
}

extension ClosedRange<Double> {
    /// The mean of normal numbers of which those outside lie on the bounds:
    /// σ(φ(α) − φ(β)) + μ(Φ(β) − Φ(α)) + a·Φ(α) + b·(1 − Φ(β)), α = (a − μ)/σ, β = (b − μ)/σ.
    func clippedMean(mean: Double, deviation: Double) -> Double {
        guard deviation > 0 else { return Swift.min(Swift.max(mean, lowerBound), upperBound) }
        func density(_ x: Double) -> Double { exp(-x * x / 2) / (2 * Double.pi).squareRoot() }
        func share(_ x: Double) -> Double { 0.5 * erfc(-x / 2.squareRoot()) }
        let (alpha, beta) = ((lowerBound - mean) / deviation, (upperBound - mean) / deviation)
        let above = 1 - share(beta)
        return deviation * (density(alpha) - density(beta)) + mean * (share(beta) - share(alpha)) + lowerBound * share(alpha)
            + (above > 0 ? upperBound * above : 0)
    }
}
