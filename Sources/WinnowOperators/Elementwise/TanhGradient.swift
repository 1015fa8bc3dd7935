package import WinnowGraph
package import WinnowKernels

/// Of (gradient, y): the gradient of x where y = tanh(x).
package struct TanhGradient: ElementwiseBinary, AttributeFree {
    package static let type = OperatorType("TanhGradient", domain: "winnow")

    package init() {}

    package var function: BinaryFunction { .tanhGradient }
}
