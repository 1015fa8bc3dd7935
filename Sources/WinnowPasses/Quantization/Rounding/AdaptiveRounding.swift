package import WinnowGraph
import WinnowKernels
package import WinnowTensor

/// Each number goes up or down, whichever moves the layer's outputs least over calibration data together with all others: how far up, a
/// number h between 0 and 1, is learned by gradient descent on the outputs' error, and pushed to 0 or 1 in the end
/// (AdaRound; Nagel et al. 2020, equations 21 to 24).
package struct AdaptiveRounding: WeightRounding {
    package static let name = "adaround"
    package static let needs = PassNeeds.calibration
    private static let sampleCount = 128
    /// Of 100 to 1000 steps, rates of 0.05 to 0.2 and pressures of 0.01 to 10 these gave nearly the least error on random layers, and
    /// soonest: 0.1 to 0.4 of that of nearest rounding.
    private static let stepCount = 300
    private static let rate: Float = 0.1
    /// What pushing to 0 or 1 counts beside the error of the outputs; it begins after a fifth of the steps.
    private static let pressure: Float = 10
    /// Wider layers keep nearest rounding: a step takes outputs × depth².
    private static let depthLimit = 2048

    private var layers: [ValueName: LayerReconstruction] = [:]

    package init() {}

    package mutating func prepare(for targets: [WeightTarget], in graph: Graph, _ context: PassContext) throws {
        layers = try LayerReconstruction.gather(
            for: targets, in: graph, context, sampleCount: Self.sampleCount, depthLimit: Self.depthLimit)
    }

    package func rounded(_ target: WeightTarget, _ parameters: QuantizationParameters) -> Tensor? {
        guard let layer = layers[target.tensor] else { return nil }
        let weight = layer.contraction.matrix(of: target.values)
        let scales = parameters.scaleIndices(of: layer.contraction.places, in: target.stored.shape).map { parameters.scales[$0] }
        let codes = Float(parameters.codes.lowerBound)...Float(parameters.codes.upperBound)
        let quotients = zip(weight.elements, scales).map { $0 / $1 }
        let lower = quotients.map { $0.rounded(.down) }
        func rounded(_ up: (Int) -> Float) -> Matrix<Float> {
            var result = weight
            for index in scales.indices {
                result.elements[index] = scales[index] * min(max(lower[index] + up(index), codes.lowerBound), codes.upperBound)
            }
            return result
        }
        let nearest = rounded { quotients[$0].rounded(.toNearestOrEven) - lower[$0] }
        let error = layer.error(of: nearest - weight)
        guard error > 0 else { return layer.contraction.weight(of: nearest) }
        var rounding = SoftRounding(parts: zip(quotients, lower).map { $0 - $1 })
        // The outputs' error counts as the part of that of nearest rounding, times the number of weights.
        let factor = Float(2 * Double(scales.count) / (error * Double(max(1, layer.rowCount))))
        for step in 0..<Self.stepCount {
            let parts = rounding.parts
            var slopes = (rounded { parts[$0] } - weight) * layer.moment
            for index in scales.indices { slopes.elements[index] *= factor * scales[index] }
            let progress = (Float(step) / Float(Self.stepCount) - 0.2) / 0.8
            rounding.step(
                slopes.elements, pressure: progress > 0 ? Self.pressure : 0,
                sharpness: 2 + 18 * (1 - max(0, progress)), rate: Self.rate)
        }
        let learned = rounded { rounding.parts[$0] >= 0.5 ? 1 : 0 }
        return layer.contraction.weight(of: layer.error(of: learned - weight) < error ? learned : nearest)
    }
}
