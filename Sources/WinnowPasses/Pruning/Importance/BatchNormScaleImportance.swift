import WinnowEngine
package import WinnowGraph
import WinnowOperators
import WinnowTensor

/// |γ| of the BatchNormalization behind a layer (Network Slimming; Liu et al. 2017, section 3). Layers without one say nothing;
/// groups in which no layer has one are ranked by `l2`.
package struct BatchNormScaleImportance: ChannelImportance {
    package static let name = "batch-norm-scale"

    /// γ of each channel.
    private var scales: [ChannelMember.ID: [Double]] = [:]

    package init() {}

    package mutating func prepare(for members: [ChannelMember], in graph: Graph, _ context: PassContext) throws {
        let index = GraphIndex(graph)
        for member in members {
            guard let scale = member.path(in: index).first(where: { $0.op is BatchNormalization })?.input(1),
                let values = graph.constantValue(of: scale),
                let places = member.coupling.channels(of: scale, axis: 0, in: member.group)
            else { continue }
            var sums = [Double](repeating: 0, count: member.group.channelCount)
            for (value, channel) in zip(values.doubles(), places) { if let channel { sums[channel] += value.magnitude } }
            scales[member.id] = sums
        }
    }

    package func knows(_ member: ChannelMember) -> Bool { scales[member.id] != nil }

    package func add(_ member: ChannelMember, to sums: inout [Double]) {
        for (channel, scale) in (scales[member.id] ?? []).enumerated() { sums[channel] += scale }
    }
}
