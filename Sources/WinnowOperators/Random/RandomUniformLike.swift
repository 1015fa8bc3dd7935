package import WinnowGraph

/// Evenly distributed numbers in the shape of the input.
package struct RandomUniformLike: RandomLikeOperator {
    package static let type = OperatorType("RandomUniformLike")
    package static let maximumInputCount = 1
    package static let isNormal = false

    package var distribution: RandomDistribution

    package init(_ distribution: RandomDistribution = RandomDistribution(isNormal: isNormal, first: 0, second: 1)) {
        self.distribution = distribution
    }
}
