package import WinnowGraph

/// Normally distributed numbers in the shape of the input.
package struct RandomNormalLike: RandomLikeOperator {
    package static let type = OperatorType("RandomNormalLike")
    package static let maximumInputCount = 1
    package static let isNormal = true

    package var distribution: RandomDistribution

    package init(_ distribution: RandomDistribution = RandomDistribution(isNormal: isNormal, first: 0, second: 1)) {
        self.distribution = distribution
    }
}
