package import WinnowGraph
package import WinnowKernels

/// Whether x is infinite, of either sign or of one alone.
package struct IsInf: ElementwiseUnary {
    package static let type = OperatorType("IsInf")
    package static let maximumInputCount = 1
    package var float32Inputs: Set<Int> { [0] }

    package var detectsNegative: Bool
    package var detectsPositive: Bool

    package init(detectsNegative: Bool = true, detectsPositive: Bool = true) {
        self.detectsNegative = detectsNegative
        self.detectsPositive = detectsPositive
    }

    package init(attributes: Attributes, version: Int) throws {
        self.init(
            detectsNegative: try attributes.flag("detect_negative", default: true),
            detectsPositive: try attributes.flag("detect_positive", default: true))
    }

    package var attributes: Attributes {
        ["detect_negative": .int(detectsNegative ? 1 : 0), "detect_positive": .int(detectsPositive ? 1 : 0)]
    }

    package var minimumVersion: Int { 10 }
    package var function: UnaryFunction { .isInfinite(negative: detectsNegative, positive: detectsPositive) }
}
