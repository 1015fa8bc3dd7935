package import WinnowGraph
package import WinnowKernels

/// The bits that exactly one of two integers has.
package struct BitwiseXor: ElementwiseBinary, AttributeFree {
    package static let type = OperatorType("BitwiseXor")
    package static let maximumInputCount = 2

    package init() {}

    package var function: BinaryFunction { .bitwiseXor }
    package var minimumVersion: Int { 18 }
}
