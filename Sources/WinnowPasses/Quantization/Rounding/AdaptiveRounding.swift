import Foundation
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
    private static let stepCount = 1000
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
        let scales = parameters.scaleIndices(of: layer.contraction.places, in: target.stored.shape)
        var rounding = RoundingUp(weight, scales.map { parameters.scales[$0] }, parameters.codes)
        let nearest = rounding.nearest
        let scale = layer.error(of: nearest - weight)
        guard scale > 0 else { return layer.contraction.weight(of: nearest) }
        for step in 0..<Self.stepCount {
            let gradient = (rounding.soft - weight) * layer.moment
            rounding.step(gradient, by: Float(Double(weight.elements.count) / (scale * Double(max(1, layer.rowCount)))), step, of: Self.stepCount)
        }
        let learned = rounding.hard
        return layer.contraction.weight(of: layer.error(of: learned - weight) < scale ? learned : nearest)
    }
}

/// How far up each number of a weight is rounded.
private struct RoundingUp {
    private let lower: Matrix<Float>
    private let scales: [Float]
    private let codes: ClosedRange<Float>
    private let weight: Matrix<Float>
    /// What pushing to 0 or 1 counts beside the error of the outputs, as a part of that of nearest rounding for each weight: of 0.01 to 3
    /// this left the least error on random layers.
    private static let pressure: Float = 3
    private static let rate: Float = 0.05
    /// h = clip(1.2·σ(v) − 0.1, 0, 1)
    private var v: [Float]
    private var (first, second): ([Float], [Float])

    init(_ weight: Matrix<Float>, _ scales: [Float], _ codes: ClosedRange<Int>) {
        self.weight = weight
        self.scales = scales
        self.codes = Float(codes.lowerBound)...Float(codes.upperBound)
        let quotients = zip(weight.elements, scales).map { $0 / $1 }
        lower = Matrix(quotients.map { $0.rounded(.down) }, rows: weight.rows, columns: weight.columns)
        v = quotients.map { quotient in
            let part = min(max(quotient - quotient.rounded(.down), 0.001), 0.999)
            return -log(1.2 / (part + 0.1) - 1)
        }
        (first, second) = ([Float](repeating: 0, count: quotients.count), [Float](repeating: 0, count: quotients.count))
    }

    private func numbers(_ up: (Int) -> Float) -> Matrix<Float> {
        let elements = v.indices.map { index in
            scales[index] * min(max(lower.elements[index] + up(index), codes.lowerBound), codes.upperBound)
        }
        return Matrix(elements, rows: weight.rows, columns: weight.columns)
    }

    private static func part(_ v: Float) -> Float { min(max(1.2 / (1 + exp(-v)) - 0.1, 0), 1) }

    var soft: Matrix<Float> { numbers { Self.part(v[$0]) } }
    var hard: Matrix<Float> { numbers { Self.part(v[$0]) >= 0.5 ? 1 : 0 } }
    var nearest: Matrix<Float> {
        numbers { (weight.elements[$0] / scales[$0]).rounded(.toNearestOrEven) - lower.elements[$0] }
    }

    /// A step of Adam on factor·‖X·(Ŵ − W)ᵀ‖² + pressure·Σ(1 − |2h − 1|^β), β falling from 20 to 2; the second part counts after a fifth of the steps.
    mutating func step(_ gradient: Matrix<Float>, by factor: Float, _ step: Int, of count: Int) {
        let progress = (Float(step) / Float(count) - 0.2) / 0.8
        let beta = 2 + 18 * max(0, 1 - progress)
        for index in v.indices {
            let sigmoid = 1 / (1 + exp(-v[index]))
            let part = Self.part(v[index])
            guard part > 0, part < 1 else { continue }
            let slope = 1.2 * sigmoid * (1 - sigmoid)
            var change = 2 * factor * gradient.elements[index] * scales[index]
            if progress > 0 {
                let distance = 2 * part - 1
                change -= Self.pressure * beta * pow(distance.magnitude, beta - 1) * (distance < 0 ? -2 : 2)
            }
            adapt(index, change * slope, step)
        }
    }

    private mutating func adapt(_ index: Int, _ gradient: Float, _ step: Int) {
        first[index] = 0.9 * first[index] + 0.1 * gradient
        second[index] = 0.999 * second[index] + 0.001 * gradient * gradient
        let (a, b) = (first[index] / (1 - pow(0.9, Float(step + 1))), second[index] / (1 - pow(0.999, Float(step + 1))))
        v[index] -= Self.rate * a / (b.squareRoot() + 1e-8)
    }
}
