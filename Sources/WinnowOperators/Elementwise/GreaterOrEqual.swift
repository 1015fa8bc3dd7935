package import WinnowGraph
package import WinnowKernels

/// a ≥ b
package struct GreaterOrEqual: ElementwiseBinary, AttributeFree {
    package static let type = OperatorType("GreaterOrEqual")
    package static let maximumInputCount = 2

    package init() {}

    package var function: BinaryFunction { .greaterOrEqual }
    package var minimumVersion: Int { 12 }
}
