package import WinnowGraph

/// Normally distributed numbers in a fixed shape.
package struct RandomNormal: RandomOperator {
    package static let type = OperatorType("RandomNormal")
    package static let maximumInputCount = 0
    package static let isNormal = true

    package var distribution: RandomDistribution
    package var shape: [Int]

    package init(_ distribution: RandomDistribution = RandomDistribution(isNormal: isNormal, first: 0, second: 1), shape: [Int]) {
        self.distribution = distribution
        self.shape = shape
    }
}
