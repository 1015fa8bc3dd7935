package import WinnowGraph
import WinnowTensor

/// One step of AdaGrad (Duchi et al. 2011): tensors, gradients, sums of squares.
package struct Adagrad: OptimizerStep {
    package static let type = OperatorType("Adagrad", domain: "ai.onnx.preview.training")
    package static let maximumOutputCount = Int.max
    static let roleCount = 3

    package var epsilon: Float
    package var decayFactor: Float
    package var normCoefficient: Float

    package init(epsilon: Float = 1e-6, decayFactor: Float = 0, normCoefficient: Float = 0) {
        self.epsilon = epsilon
        self.decayFactor = decayFactor
        self.normCoefficient = normCoefficient
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            epsilon: try attributes.float("epsilon", default: 1e-6), decayFactor: try attributes.float("decay_factor", default: 0),
            normCoefficient: try attributes.float("norm_coefficient", default: 0))
    }

    package var attributes: Attributes {
        ["epsilon": .float(epsilon), "decay_factor": .float(decayFactor), "norm_coefficient": .float(normCoefficient)]
    }

    func updated(_ b: GraphBuilder, rate: ValueName, count: ValueName, roles: [ValueName]) throws -> [ValueName] {
        let (x, sum) = (roles[0], roles[2])
        let g = try b.regularized(roles[1], x, by: normCoefficient)
        let steps = try b.add(Cast(to: b.elementType(of: rate)), count)
        let r = try b.divide(rate, b.add(b.multiply(steps, by: Double(decayFactor)), number: 1))
        let next = try b.add(sum, b.square(g))
        let direction = try b.divide(g, b.add(b.add(Sqrt(), next), number: Double(epsilon)))
        return [try b.subtract(x, b.multiply(r, direction)), next]
    }
}
