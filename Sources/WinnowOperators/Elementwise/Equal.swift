package import WinnowGraph
package import WinnowKernels

/// a = b
package struct Equal: ElementwiseBinary, AttributeFree {
    package static let type = OperatorType("Equal")
    package static let maximumInputCount = 2

    package init() {}

    package var function: BinaryFunction { .equal }
    package var minimumVersion: Int { 7 }
}
