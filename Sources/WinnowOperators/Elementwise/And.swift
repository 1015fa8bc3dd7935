package import WinnowGraph
package import WinnowKernels

/// Both.
package struct And: ElementwiseBinary, AttributeFree {
    package static let type = OperatorType("And")
    package static let maximumInputCount = 2

    package init() {}

    package var function: BinaryFunction { .and }
    package var minimumVersion: Int { 7 }
}
