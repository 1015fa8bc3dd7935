package import WinnowGraph
import WinnowTensor

/// 1 − the part of a channel's activations that are 0 over calibration data: what is nearly always 0 behind a Relu can go
/// (average percentage of zeros; Hu et al. 2016, equation 1). Groups whose activations are not float32 are ranked by `l2`.
package struct ZeroPercentageImportance: ChannelImportance {
    package static let name = "apoz"
    package static let needs = PassNeeds.calibration

    private var activity = ObservedActivity()

    package init() {}

    package mutating func prepare(for members: [ChannelMember], in graph: Graph, _ context: PassContext) throws {
        activity = try ObservedActivity(of: members, in: graph, context)
    }

    package func knows(_ member: ChannelMember) -> Bool { activity.has(member) }

    package func add(_ member: ChannelMember, to sums: inout [Double]) {
        activity.add(member, to: &sums) { $0.zeroParts.map { 1 - $0 } }
    }
}
