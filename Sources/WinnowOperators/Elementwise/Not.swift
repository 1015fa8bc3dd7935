package import WinnowGraph
package import WinnowKernels

/// Logical negation.
package struct Not: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("Not")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .not }
}
