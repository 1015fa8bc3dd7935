package import WinnowGraph
package import WinnowKernels

/// a < b
package struct Less: ElementwiseBinary, AttributeFree {
    package static let type = OperatorType("Less")
    package static let maximumInputCount = 2

    package init() {}

    package var function: BinaryFunction { .less }
    package var minimumVersion: Int { 7 }
}
