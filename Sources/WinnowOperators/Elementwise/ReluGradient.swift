package import WinnowGraph
package import WinnowKernels

/// Of (gradient, y): the gradient of x where y = relu(x).
package struct ReluGradient: ElementwiseBinary, AttributeFree {
    package static let type = OperatorType("ReluGradient", domain: "winnow")

    package init() {}

    package var function: BinaryFunction { .reluGradient }
}
