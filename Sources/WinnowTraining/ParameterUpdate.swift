import Foundation
import WinnowKernels
import WinnowTensor

extension Optimizer.Parameter {
    /// Applies one update; `gradientFactor` multiplies the gradient first.
    func update(
        _ gradient: UnsafePointer<Float>, _ configuration: OptimizerConfiguration, learningRate: Double,
        gradientFactor: Float
    ) {
        Parallel.forRanges(count, minimum: 16_384) { range in
            switch configuration.rule {
            case .sgd: descend(gradient, range, configuration, Float(learningRate), gradientFactor)
            case .adam, .adamW: adapt(gradient, range, configuration, learningRate, gradientFactor)
            }
            guard let minimum = options.minimum else { return }
            for i in range { values[i] = max(values[i], minimum) }
        }
    }

    /// v ← μv + g; x ← x − η·v, or x − η(g + μv) with Nesterov.
    private func descend(
        _ gradient: UnsafePointer<Float>, _ range: Range<Int>, _ configuration: OptimizerConfiguration, _ rate: Float,
        _ factor: Float
    ) {
        let (values, decay) = (values, weightDecay)
        let momentum = Float(configuration.momentum)
        guard let storage = moments.first else {
            for i in range { values[i] -= rate * (gradient[i] * factor + decay * values[i]) }
            return
        }
        let velocity = storage.base.assumingMemoryBound(to: Float.self)
        if configuration.nesterov {
            for i in range {
                let g = gradient[i] * factor + decay * values[i]
                let v = momentum * velocity[i] + g
                velocity[i] = v
                values[i] -= rate * (g + momentum * v)
            }
        } else {
            for i in range {
                let v = momentum * velocity[i] + (gradient[i] * factor + decay * values[i])
                velocity[i] = v
                values[i] -= rate * v
            }
        }
    }

    /// m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; x ← x − η·m̂ / (√v̂ + ε).
    private func adapt(
        _ gradient: UnsafePointer<Float>, _ range: Range<Int>, _ configuration: OptimizerConfiguration, _ rate: Double,
        _ factor: Float
    ) {
        let values = values
        let first = moments[0].base.assumingMemoryBound(to: Float.self)
        let second = moments[1].base.assumingMemoryBound(to: Float.self)
        let isDecoupled = configuration.rule == .adamW
        let shrink = isDecoupled ? Float(1 - rate * Double(weightDecay)) : 1
        let decay = isDecoupled ? 0 : weightDecay
        let keep1 = Float(1 - configuration.beta1)
        let beta2 = Float(configuration.beta2)
        let keep2 = Float(1 - configuration.beta2)
        let size = Float(rate / (1 - pow(configuration.beta1, Double(steps))))
        let correction = Float(1 / (1 - pow(configuration.beta2, Double(steps))).squareRoot())
        let epsilon = Float(configuration.epsilon)
        for i in range {
            let x = values[i] * shrink
            let g = gradient[i] * factor + decay * x
            let m = first[i] + (g - first[i]) * keep1
            let v = beta2 * second[i] + keep2 * g * g
            first[i] = m
            second[i] = v
            values[i] = x - size * m / (v.squareRoot() * correction + epsilon)
        }
    }
}
