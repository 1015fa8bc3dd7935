package import WinnowGraph
package import WinnowKernels

/// x > alpha ? x : 0
package struct ThresholdedRelu: ElementwiseUnary {
    package static let type = OperatorType("ThresholdedRelu")
    package static let maximumInputCount = 1

    package var alpha: Float

    package init(alpha: Float = 1) {
        self.alpha = alpha
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            alpha: try attributes.float("alpha", default: 1))
    }

    package var attributes: Attributes { ["alpha": .float(alpha)] }
    package var minimumVersion: Int { 10 }
    package var function: UnaryFunction { .thresholdedRelu(alpha: alpha) }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        let b = context.builder
        let (x, g) = (try context.input(0), try context.outputGradient())
        let isAbove = try b.add(Greater(), x, b.scalar(Double(alpha), like: x))
        return [try b.add(Where(), isAbove, g, b.scalar(0, like: x))]
    }
}
