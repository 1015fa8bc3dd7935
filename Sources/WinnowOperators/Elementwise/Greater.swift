package import WinnowGraph
package import WinnowKernels

/// a > b
package struct Greater: ElementwiseBinary, AttributeFree {
    package static let type = OperatorType("Greater")
    package static let maximumInputCount = 2

    package init() {}

    package var function: BinaryFunction { .greater }
    package var minimumVersion: Int { 7 }
}
