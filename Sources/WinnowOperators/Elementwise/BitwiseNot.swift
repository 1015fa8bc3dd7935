package import WinnowGraph
package import WinnowKernels

/// Every bit of an integer turned round.
package struct BitwiseNot: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("BitwiseNot")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .bitwiseNot }
    package var minimumVersion: Int { 18 }
}
