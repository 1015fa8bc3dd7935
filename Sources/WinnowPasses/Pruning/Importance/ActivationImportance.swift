package import WinnowGraph
import WinnowTensor

/// The mean of |a| over calibration data, a what the next layer sees of a channel (Molchanov et al. 2017, section 2.2). Groups
/// whose activations are not float32 are ranked by `l2`.
package struct ActivationImportance: ChannelImportance {
    package static let name = "activation"
    package static let needs = PassNeeds.calibration

    private var activity = ObservedActivity()

    package init() {}

    package mutating func prepare(for members: [ChannelMember], in graph: Graph, _ context: PassContext) throws {
        activity = try ObservedActivity(of: members, in: graph, context)
    }

    package func knows(_ member: ChannelMember) -> Bool { activity.has(member) }

    package func add(_ member: ChannelMember, to sums: inout [Double]) { activity.add(member, to: &sums) { $0.meanMagnitudes } }
}

/// How active the channels of weights are over calibration data.
struct ObservedActivity: Sendable {
    private var statistics = Statistics()
    private var places: [String: (value: ValueName, axis: Int, channels: [Int?])] = [:]

    init() {}

    init(of members: [ChannelMember], in graph: Graph, _ context: PassContext) throws {
        let index = GraphIndex(graph)
        for member in members {
            guard let place = member.activation(in: index) else { continue }
            places[Self.key(member)] = place
            let activity = ChannelActivity(axis: place.axis, extent: place.channels.count)
            statistics.request(activity, of: place.value, key: "\(place.axis)")
        }
        guard !statistics.isEmpty else { return }
        try statistics.gather(in: graph, context: context)
    }

    func has(_ member: ChannelMember) -> Bool { places[Self.key(member)] != nil }

    /// Adds for each channel the mean of what `numbers` gives for its places.
    func add(_ member: ChannelMember, to sums: inout [Double], _ numbers: (ChannelActivity) -> [Double]) {
        guard let (value, axis, channels) = places[Self.key(member)],
            let activity = statistics[value, ChannelActivity.self, key: "\(axis)"]
        else { return }
        var (totals, counts) = ([Double](repeating: 0, count: sums.count), [Double](repeating: 0, count: sums.count))
        for (number, channel) in zip(numbers(activity), channels) {
            guard let channel else { continue }
            totals[channel] += number
            counts[channel] += 1
        }
        for channel in sums.indices { sums[channel] += totals[channel] / max(1, counts[channel]) }
    }

    private static func key(_ member: ChannelMember) -> String { "\(member.weight.operand) \(member.group.id)" }
}
