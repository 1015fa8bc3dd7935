package import WinnowGraph
package import WinnowKernels

/// The nearest integer, ties to even.
package struct Round: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("Round")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .roundHalfToEven }
    package var minimumVersion: Int { 11 }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        return [nil]
    }
}
