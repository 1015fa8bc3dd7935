package import WinnowGraph
import WinnowTensor

/// A random number from 0 to 1 for each channel, by the seed and the weight's name: what every other importance must beat.
package struct RandomChannelImportance: ChannelImportance {
    package static let name = "random"

    private var seed: UInt64 = 0

    package init() {}

    package mutating func prepare(for members: [ChannelMember], in graph: Graph, _ context: PassContext) throws {
        seed = context.seed
    }

    package func add(_ member: ChannelMember, to sums: inout [Double]) {
        var random = RandomGenerator(seed: seed, named: member.weight.operand)
        for channel in sums.indices { sums[channel] += Double(random.uniform()) }
    }
}
