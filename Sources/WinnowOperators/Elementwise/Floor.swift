package import WinnowGraph
package import WinnowKernels

/// The largest integer that is not above x.
package struct Floor: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("Floor")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .floor }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        return [nil]
    }
}
