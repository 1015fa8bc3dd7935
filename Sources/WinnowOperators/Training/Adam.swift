package import WinnowGraph
import WinnowTensor

/// One step of Adam (Kingma and Ba 2015): tensors, gradients, averages, averages of squares.
package struct Adam: OptimizerStep {
    package static let type = OperatorType("Adam", domain: "ai.onnx.preview.training")
    package static let maximumOutputCount = Int.max
    static let roleCount = 4

    package var alpha: Float
    package var beta: Float
    package var epsilon: Float
    package var normCoefficient: Float
    /// Weight decay after the step.
    package var laterNormCoefficient: Float

    package init(
        alpha: Float = 0.9, beta: Float = 0.999, epsilon: Float = 1e-6, normCoefficient: Float = 0, laterNormCoefficient: Float = 0
    ) {
        self.alpha = alpha
        self.beta = beta
        self.epsilon = epsilon
        self.normCoefficient = normCoefficient
        self.laterNormCoefficient = laterNormCoefficient
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            alpha: try attributes.float("alpha", default: 0.9), beta: try attributes.float("beta", default: 0.999),
            epsilon: try attributes.float("epsilon", default: 1e-6),
            normCoefficient: try attributes.float("norm_coefficient", default: 0),
            laterNormCoefficient: try attributes.float("norm_coefficient_post", default: 0))
    }

    package var attributes: Attributes {
        [
            "alpha": .float(alpha), "beta": .float(beta), "epsilon": .float(epsilon),
            "norm_coefficient": .float(normCoefficient), "norm_coefficient_post": .float(laterNormCoefficient),
        ]
    }

    func updated(_ b: GraphBuilder, rate: ValueName, count: ValueName, roles: [ValueName]) throws -> [ValueName] {
        let x = roles[0]
        let g = try b.regularized(roles[1], x, by: normCoefficient)
        let mean = try b.average(roles[2], decay: alpha, g, factor: 1 - Double(alpha))
        let square = try b.average(roles[3], decay: beta, b.square(g), factor: 1 - Double(beta))
        let steps = try b.add(Cast(to: b.elementType(of: rate)), count)
        func rest(_ base: Float) throws -> ValueName {
            try b.subtract(b.scalar(1, like: rate), b.add(Pow(), b.scalar(Double(base), like: rate), steps))
        }
        let corrected = try b.divide(b.multiply(rate, b.add(Sqrt(), rest(beta))), rest(alpha))
        let r = try b.afterFirstStep(count, corrected, first: rate)
        let direction = try b.divide(mean, b.add(b.add(Sqrt(), square), number: Double(epsilon)))
        let next = try b.subtract(x, b.multiply(r, direction))
        return [try b.multiply(next, by: 1 - Double(laterNormCoefficient)), mean, square]
    }
}
