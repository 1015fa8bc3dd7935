package import WinnowGraph
import WinnowTensor

/// Groups of channels of each sample by their own mean and variance (Wu and He 2018).
package struct GroupNormalization: GroupedNormalization {
    package static let type = OperatorType("GroupNormalization")
    package static let maximumInputCount = 3
    package static var typeAttributes: Set<String> { ["stash_type"] }

    package var groupCount: Int
    package var epsilon: Float
    private var hints = RuntimeHints()
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
        hints = try RuntimeHints(attributes, "stash_type")
    }

    package var attributes: Attributes { hints.added(to: ["num_groups": .int(groupCount), "epsilon": .float(epsilon)]) }
    package var minimumVersion: Int { scalesChannels ? 21 : 18 }
    package var maximumVersion: Int { scalesChannels ? .max : 20 }
    package var groups: Int? { groupCount }

    /// Each group's scale and shift for every channel of it.
    package func modernForm(of node: Node, in graph: GraphIndex) throws -> GraphEdit? {
        guard let channels = graph.info(of: node.input(0))?.extents?[1].value else { return nil }
        return try graph.inlining(node) { b in
            let wide = b.constant("wide", Tensor([Int64(groupCount), Int64(channels / groupCount)]))
            func perChannel(_ value: ValueName?) throws -> ValueName {
                let column = try b.add(Unsqueeze(), value, b.constant("axis", Tensor([Int64(1)])))
                return try b.add(Reshape(), b.add(Expand(), column, wide), b.constant("flat", Tensor([Int64(-1)])))
            }
            let inputs = [node.inputs[0], try perChannel(node.input(1)), try perChannel(node.input(2))]
            return [try b.add(GroupNormalization(groupCount: groupCount, epsilon: epsilon), inputs: inputs)[0]]
        }
    }

    package func resized(_ extents: [Character: Int], for inputs: [ValueInfo?]) -> (any Operator)? {
        extents["g"].map {
            var result = self
            result.groupCount = $0
            return result
        }
    }
}
