import WinnowKernels
import WinnowTensor

extension Optimizer.Parameter {
    /// Applies one update; `gradientFactor` multiplies the gradient first.
    func update(
        _ gradient: UnsafePointer<Float>, _ configuration: OptimizerConfiguration, learningRate: Double,
        gradientFactor: Float
    ) {
        switch configuration.rule {
        case .sgd:
            let rule = GradientDescentStep(
                learningRate: Float(learningRate), momentum: Float(configuration.momentum), weightDecay: weightDecay,
                nesterov: configuration.nesterov, gradientScale: gradientFactor)
            rule.apply(
                values, gradient: gradient, velocity: moments.first.map { Self.floats($0) }, count: count,
                isFirst: steps == 1)
        case .adam, .adamW:
            let rule = AdamStep(
                learningRate: learningRate, beta1: configuration.beta1, beta2: configuration.beta2,
                epsilon: configuration.epsilon,
                weightDecay: configuration.rule == .adamW ? .decoupled(Double(weightDecay)) : .gradient(Double(weightDecay)),
                gradientScale: gradientFactor)
            rule.apply(
                values, gradient: gradient, mean: Self.floats(moments[0]), variance: Self.floats(moments[1]), count: count,
                step: steps)
        }
        guard let minimum = options.minimum else { return }
        for i in 0..<count { values[i] = max(values[i], minimum) }
    }

    private static func floats(_ storage: TensorStorage) -> UnsafeMutablePointer<Float> {
        storage.base.assumingMemoryBound(to: Float.self)
    }
}
