package import WinnowGraph
package import WinnowKernels

/// Exactly one.
package struct Xor: ElementwiseBinary, AttributeFree {
    package static let type = OperatorType("Xor")
    package static let maximumInputCount = 2

    package init() {}

    package var function: BinaryFunction { .xor }
    package var minimumVersion: Int { 7 }
}
