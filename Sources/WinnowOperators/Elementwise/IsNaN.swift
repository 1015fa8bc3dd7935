package import WinnowGraph
package import WinnowKernels

/// Whether x is not a number.
package struct IsNaN: ElementwiseUnary, AttributeFree {
    package static let type = OperatorType("IsNaN")
    package static let maximumInputCount = 1

    package init() {}

    package var function: UnaryFunction { .isNaN }
    package var minimumVersion: Int { 9 }
}
