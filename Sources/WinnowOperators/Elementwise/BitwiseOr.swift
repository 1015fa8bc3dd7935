package import WinnowGraph
package import WinnowKernels

/// The bits that one of two integers has.
package struct BitwiseOr: ElementwiseBinary, AttributeFree {
    package static let type = OperatorType("BitwiseOr")
    package static let maximumInputCount = 2

    package init() {}

    package var function: BinaryFunction { .bitwiseOr }
    package var minimumVersion: Int { 18 }
}
