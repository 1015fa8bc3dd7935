import Foundation
import Testing
import WinnowKernels
import WinnowTensor

@Suite struct OptimizerStepTests {
    static let count = 37
    static func vector(_ seed: UInt64) -> [Float] {
        var data = RandomGenerator(seed: seed)
        return (0..<count).map { _ in data.normal() }
    }

    static let descents: [GradientDescentStep] = [
        .init(learningRate: 0.1), .init(learningRate: 0.1, momentum: 0.9), .init(learningRate: 0.1, momentum: 0.9, nesterov: true),
        .init(learningRate: 0.05, momentum: 0.8, dampening: 0.3, weightDecay: 0.01),
        .init(learningRate: 0.05, weightDecay: 0.1, gradientScale: 0.5),
    ]

    /// The update as `torch.optim.SGD` documents it, in float64.
    @Test(arguments: descents) func gradientDescentFollowsTheFormula(step: GradientDescentStep) {
        var weights = Self.vector(1)
        var velocity = [Float](repeating: .nan, count: Self.count)
        var exact = weights.map(Double.init)
        var buffer = [Double](repeating: 0, count: Self.count)
        for t in 0..<5 {
            let gradient = Self.vector(UInt64(10 + t))
            step.apply(&weights, gradient: gradient, velocity: &velocity, count: Self.count, isFirst: t == 0)
            for i in 0..<Self.count {
                var g = Double(gradient[i]) * Double(step.gradientScale) + Double(step.weightDecay) * exact[i]
                if step.momentum != 0 {
                    buffer[i] = t == 0 ? g : Double(step.momentum) * buffer[i] + (1 - Double(step.dampening)) * g
                    g = step.nesterov ? g + Double(step.momentum) * buffer[i] : buffer[i]
                }
                exact[i] -= Double(step.learningRate) * g
            }
        }
        for (a, e) in zip(weights, exact) { #expect(abs(Double(a) - e) < 2e-6) }
    }

    @Test(arguments: [WeightDecay.gradient(0), .gradient(0.1), .decoupled(0.1)]) func adamFollowsTheFormula(decay: WeightDecay) {
        let step = AdamStep(learningRate: 0.01, weightDecay: decay)
        var weights = Self.vector(2)
        var (mean, variance) = ([Float](repeating: 0, count: Self.count), [Float](repeating: 0, count: Self.count))
        var exact = weights.map(Double.init)
        var (m, v) = ([Double](repeating: 0, count: Self.count), [Double](repeating: 0, count: Self.count))
        for t in 1...8 {
            let gradient = Self.vector(UInt64(20 + t))
            step.apply(&weights, gradient: gradient, mean: &mean, variance: &variance, count: Self.count, step: t)
            for i in 0..<Self.count {
                var g = Double(gradient[i])
                switch decay {
                case .gradient(let rate): g += rate * exact[i]
                case .decoupled(let rate): exact[i] *= 1 - step.learningRate * rate
                }
                m[i] = step.beta1 * m[i] + (1 - step.beta1) * g
                v[i] = step.beta2 * v[i] + (1 - step.beta2) * g * g
                let corrected = (v[i] / (1 - pow(step.beta2, Double(t)))).squareRoot() + step.epsilon
                exact[i] -= step.learningRate * (m[i] / (1 - pow(step.beta1, Double(t)))) / corrected
            }
        }
        for (a, e) in zip(weights, exact) { #expect(abs(Double(a) - e) < 2e-6) }
    }

    @Test(arguments: [0, 1, 31, 32, 5000]) func vectorSums(count: Int) {
        var data = RandomGenerator(seed: 3)
        let x = (0...count).map { _ in data.normal() }
        let exact = x.prefix(count).reduce(0) { $0 + Double($1) * Double($1) }
        #expect(abs(VectorArithmetic.sumOfSquares(x, count: count) - exact) <= 1e-6 * exact)
        var y = x
        VectorArithmetic.scale(&y, by: 0.5, count: count)
        for i in 0..<count { #expect(y[i] == x[i] * 0.5) }
    }
}
