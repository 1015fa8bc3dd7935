package import WinnowGraph
package import WinnowKernels

/// a ≤ b
package struct LessOrEqual: ElementwiseBinary, AttributeFree {
    package static let type = OperatorType("LessOrEqual")
    package static let maximumInputCount = 2

    package init() {}

    package var function: BinaryFunction { .lessOrEqual }
    package var minimumVersion: Int { 12 }
}
