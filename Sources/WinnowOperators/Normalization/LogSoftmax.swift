package import WinnowGraph

/// x less the logarithm of the sum of e^x along an axis.
package struct LogSoftmax: SoftmaxFamily {
    package static let type = OperatorType("LogSoftmax")
    package static let maximumInputCount = 1
    package static let isLogarithm = true
    package var axis: Int
    package var flattens: Bool

    package init(axis: Int = -1, flattens: Bool = false) {
        self.axis = axis
        self.flattens = flattens
    }
}
