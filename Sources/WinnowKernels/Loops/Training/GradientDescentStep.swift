/// One step of stochastic gradient descent with momentum, in place; the formulas are `torch.optim.SGD`'s.
package struct GradientDescentStep: Hashable, Sendable {
    package var learningRate: Float
    package var momentum: Float
    package var dampening: Float
    package var weightDecay: Float
    package var nesterov: Bool
    /// Multiplies the gradient before all else (clipping, loss scaling).
    package var gradientScale: Float

    package init(
        learningRate: Float, momentum: Float = 0, dampening: Float = 0, weightDecay: Float = 0, nesterov: Bool = false,
        gradientScale: Float = 1
    ) {
        self.learningRate = learningRate
        self.momentum = momentum
        self.dampening = dampening
        self.weightDecay = weightDecay
        self.nesterov = nesterov
        self.gradientScale = gradientScale
    }

    /// g += decay·w; v = momentum·v + (1 − dampening)·g; w −= rate·(nesterov ? g + momentum·v : v).
    ///
    /// `velocity` is needed with momentum only; on the first step it is set to g, whatever it holds.
    package func apply(
        _ parameters: UnsafeMutablePointer<Float>, gradient: UnsafePointer<Float>, velocity: UnsafeMutablePointer<Float>?,
        count: Int, isFirst: Bool
    ) {
        let (rate, decay, scale) = (learningRate, weightDecay, gradientScale)
        guard momentum != 0, let velocity else {
            return forChunks(count) { start, count in
                let (w, g) = (parameters + start, gradient + start)
                for i in 0..<count { w[i] -= rate * (g[i] * scale + decay * w[i]) }
            }
        }
        let keep = isFirst ? 0 : momentum
        let take = isFirst ? 1 : 1 - dampening
        let ahead = nesterov ? momentum : 1
        let direct: Float = nesterov ? 1 : 0
        forChunks(count) { start, count in
            let (w, g, v) = (parameters + start, gradient + start, velocity + start)
            if isFirst { for i in 0..<count { v[i] = 0 } }
            for i in 0..<count {
                let slope = g[i] * scale + decay * w[i]
                let speed = keep * v[i] + take * slope
                v[i] = speed
                w[i] -= rate * (direct * slope + ahead * speed)
            }
        }
    }
}
