package import WinnowGraph
import WinnowTensor

/// Groups of channels of each sample by their own mean and variance (Wu and He 2018).
package struct GroupNormalization: GroupedNormalization {
    package static let type = OperatorType("GroupNormalization")
    package static let maximumInputCount = 3

    package var groupCount: Int
    package var epsilon: Float
    /// Operator-set 18 has one scale a group, 21 one a channel.
    package var scalesChannels: Bool

    package init(groupCount: Int, epsilon: Float = 1e-5, scalesChannels: Bool = true) {
        self.groupCount = groupCount
        self.epsilon = epsilon
        self.scalesChannels = scalesChannels
    }

    package init(attributes: Attributes, version: Int) throws {
        guard let count = try attributes.int("num_groups"), count > 0 else {
            throw WinnowError(.model, "num_groups", "is missing or not positive")
        }
        self.init(
            groupCount: count, epsilon: try attributes.float("epsilon", default: 1e-5), scalesChannels: version >= 21)
    }

    package var attributes: Attributes { ["num_groups": .int(groupCount), "epsilon": .float(epsilon)] }
    package var minimumVersion: Int { scalesChannels ? 21 : 18 }
    package var groups: Int? { groupCount }
}
