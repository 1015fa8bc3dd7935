internal import CWinnowKernels
internal import Foundation

/// How a weight shrinks at each step.
package enum WeightDecay: Hashable, Sendable {
    /// So much of the weight joins the gradient.
    case gradient(Double)
    /// AdamW: the weight itself loses its share of the learning rate (Loshchilov and Hutter, 2019).
    case decoupled(Double)

    fileprivate var joining: Double { if case .gradient(let rate) = self { rate } else { 0 } }
    fileprivate var shrinking: Double { if case .decoupled(let rate) = self { rate } else { 0 } }
}

/// One step of Adam or AdamW, in place; the formulas are `torch.optim.Adam`'s and `torch.optim.AdamW`'s.
package struct AdamStep: Hashable, Sendable {
    package var learningRate: Double
    package var beta1: Double
    package var beta2: Double
    package var epsilon: Double
    package var weightDecay: WeightDecay
    /// Multiplies the gradient before all else (clipping, loss scaling).
    package var gradientScale: Float

    package init(
        learningRate: Double, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
        weightDecay: WeightDecay = .gradient(0), gradientScale: Float = 1
    ) {
        self.learningRate = learningRate
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.weightDecay = weightDecay
        self.gradientScale = gradientScale
    }

    /// m = β₁m + (1 − β₁)g; v = β₂v + (1 − β₂)g²; w −= rate·m̂ / (√v̂ + ε). `step` counts from 1; the moments start at 0.
    package func apply(
        _ parameters: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>, mean: UnsafeMutablePointer<Float>,
        variance: UnsafeMutablePointer<Float>, count: Int, step: Int
    ) {
        var constants = winnow_adam_constants(
            gradient_scale: gradientScale, decay: Float(weightDecay.joining),
            shrink: Float(1 - learningRate * weightDecay.shrinking), take1: Float(1 - beta1), keep2: Float(beta2),
            take2: Float(1 - beta2), step_size: Float(learningRate / (1 - pow(beta1, Double(step)))),
            root_correction: Float((1 - pow(beta2, Double(step))).squareRoot()), epsilon: Float(epsilon))
        withUnsafePointer(to: &constants) { constants in
            forChunks(count) { start, count in
                winnow_adam(constants, parameters + start, gradient + start, mean + start, variance + start, count)
            }
        }
    }
}
