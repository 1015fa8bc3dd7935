package import WinnowGraph
package import WinnowKernels

/// gamma · (x < 0 ? alpha · (eˣ − 1) : x)
package struct Selu: ElementwiseUnary {
    package static let type = OperatorType("Selu")
    package static let maximumInputCount = 1

    package var alpha: Float
    package var gamma: Float

    package init(alpha: Float = 1.6732632, gamma: Float = 1.050701) {
        self.alpha = alpha
        self.gamma = gamma
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            alpha: try attributes.float("alpha", default: 1.6732632),
            gamma: try attributes.float("gamma", default: 1.050701))
    }

    package var attributes: Attributes { ["alpha": .float(alpha), "gamma": .float(gamma)] }
    package var function: UnaryFunction { .selu(alpha: alpha, gamma: gamma) }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let (x, g) = (try context.input(0), try context.outputGradient())
        let isNegative = try b.add(Less(), x, b.scalar(0, like: x))
        let slope = try b.add(context.output(0), number: Double(alpha) * Double(gamma))
        return [try b.add(Where(), isNegative, b.multiply(g, slope), b.multiply(g, by: Double(gamma)))]
    }
}
