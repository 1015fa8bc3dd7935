package import WinnowGraph
package import WinnowKernels

/// Of (gradient, y): the gradient of x where y = sigmoid(x).
package struct SigmoidGradient: ElementwiseBinary, AttributeFree {
    package static let type = OperatorType("SigmoidGradient", domain: "winnow")

    package init() {}

    package var function: BinaryFunction { .sigmoidGradient }
}
