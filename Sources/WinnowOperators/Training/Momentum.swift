package import WinnowGraph
import WinnowTensor

/// One step of gradient descent with momentum: tensors, gradients, momenta.
package struct Momentum: OptimizerStep {
    package static let type = OperatorType("Momentum", domain: "ai.onnx.preview.training")
    package static let maximumOutputCount = Int.max
    static let roleCount = 3

    package var alpha: Float
    /// The weight of the gradient from the second step on.
    package var beta: Float
    package var normCoefficient: Float
    package var isNesterov: Bool

    package init(alpha: Float = 0.9, beta: Float = 1, normCoefficient: Float = 0, isNesterov: Bool = false) {
        self.alpha = alpha
        self.beta = beta
        self.normCoefficient = normCoefficient
        self.isNesterov = isNesterov
    }

    package init(attributes: Attributes, version: Int) throws {
        let mode = try attributes.string("mode", default: "standard")
        guard ["standard", "nesterov"].contains(mode) else { throw WinnowError(.model, "mode", "\(mode) is not known") }
        self.init(
            alpha: try attributes.float("alpha", default: 0.9), beta: try attributes.float("beta", default: 1),
            normCoefficient: try attributes.float("norm_coefficient", default: 0), isNesterov: mode == "nesterov")
    }

    package var attributes: Attributes {
        [
            "alpha": .float(alpha), "beta": .float(beta), "norm_coefficient": .float(normCoefficient),
            "mode": .string(isNesterov ? "nesterov" : "standard"),
        ]
    }

    func updated(_ b: GraphBuilder, rate: ValueName, count: ValueName, roles: [ValueName]) throws -> [ValueName] {
        let x = roles[0]
        let g = try b.regularized(roles[1], x, by: normCoefficient)
        let factor = try b.afterFirstStep(count, b.scalar(Double(beta), like: x), first: b.scalar(1, like: x))
        let momentum = try b.add(b.multiply(roles[2], by: Double(alpha)), b.multiply(factor, g))
        let direction = isNesterov ? try b.add(g, b.multiply(momentum, by: Double(alpha))) : momentum
        return [try b.subtract(x, b.multiply(rate, direction)), momentum]
    }
}
