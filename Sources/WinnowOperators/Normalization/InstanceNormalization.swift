package import WinnowGraph

/// Each channel of each sample by its own mean and variance.
package struct InstanceNormalization: GroupedNormalization {
    package static let type = OperatorType("InstanceNormalization")
    package static let maximumInputCount = 3

    package var epsilon: Float

    package init(epsilon: Float = 1e-5) { self.epsilon = epsilon }

    package init(attributes: Attributes, version: Int) throws {
        self.init(epsilon: try attributes.float("epsilon", default: 1e-5))
    }

    package var attributes: Attributes { ["epsilon": .float(epsilon)] }
    package var minimumVersion: Int { 6 }
    package var groups: Int? { nil }
    package var scalesChannels: Bool { true }
}
