package import WinnowGraph

/// Evenly distributed numbers in a fixed shape.
package struct RandomUniform: RandomOperator {
    package static let type = OperatorType("RandomUniform")
    package static let maximumInputCount = 0
    package static let isNormal = false

    package var distribution: RandomDistribution
    package var shape: [Int]

    package init(_ distribution: RandomDistribution = RandomDistribution(isNormal: isNormal, first: 0, second: 1), shape: [Int]) {
        self.distribution = distribution
        self.shape = shape
    }
}
