package import WinnowGraph
package import WinnowKernels

/// The bits that both integers have.
package struct BitwiseAnd: ElementwiseBinary, AttributeFree {
    package static let type = OperatorType("BitwiseAnd")
    package static let maximumInputCount = 2

    package init() {}

    package var function: BinaryFunction { .bitwiseAnd }
    package var minimumVersion: Int { 18 }
}
