package import WinnowGraph
package import WinnowKernels

/// max(0, x) + min(0, alpha · (e^(x / alpha) − 1))
package struct Celu: ElementwiseUnary {
    package static let type = OperatorType("Celu")
    package static let maximumInputCount = 1
    package var float32Inputs: Set<Int> { [0] }

    package var alpha: Float

    package init(alpha: Float = 1) {
        self.alpha = alpha
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            alpha: try attributes.float("alpha", default: 1))
    }

    package var attributes: Attributes { ["alpha": .float(alpha)] }
    package var minimumVersion: Int { 12 }
    package var function: UnaryFunction { .celu(alpha: alpha) }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let (x, g) = (try context.input(0), try context.outputGradient())
        let isNegative = try b.add(Less(), x, b.scalar(0, like: x))
        let slope = try b.add(Exp(), b.multiply(x, by: 1 / Double(alpha)))
        return [try b.add(Where(), isNegative, b.multiply(g, slope), g)]
    }
}
