package import WinnowGraph

/// e^x over the sum of e^x along an axis.
package struct Softmax: SoftmaxFamily {
    package static let type = OperatorType("Softmax")
    package static let isLogarithm = false
    package var axis: Int
    package var flattens: Bool

    package init(axis: Int = -1, flattens: Bool = false) {
        self.axis = axis
        self.flattens = flattens
    }
}
