package import WinnowGraph
package import WinnowKernels

/// At least one.
package struct Or: ElementwiseBinary, AttributeFree {
    package static let type = OperatorType("Or")
    package static let maximumInputCount = 2

    package init() {}

    package var function: BinaryFunction { .or }
    package var minimumVersion: Int { 7 }
}
