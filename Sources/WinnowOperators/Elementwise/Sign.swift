package import WinnowGraph
package import WinnowKernels

/// −1, 0 or 1
package struct Sign: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("Sign")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .sign }
    package var minimumVersion: Int { 9 }

    package func gradient(_ context: GradientContext) throws -> [ValueName?]? {
        return [nil]
    }
}
