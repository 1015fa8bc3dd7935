package import WinnowGraph
package import WinnowKernels

/// The smallest integer that is not below x.
package struct Ceil: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("Ceil")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .ceil }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        return [nil]
    }
}
