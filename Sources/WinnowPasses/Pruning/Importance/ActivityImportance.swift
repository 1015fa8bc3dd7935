package import WinnowGraph
import WinnowTensor

/// An importance of channels that follows from what the next layer sees of them. Groups whose activations are not float32 are
/// ranked by `l2`.
package protocol ActivityImportance: ChannelImportance {
    var activity: ObservedActivity { get set }

    /// A number for each place along the axis of the channels.
    static func numbers(of activity: ChannelActivity) -> [Double]
}

extension ActivityImportance {
    package static var needs: PassNeeds { .calibration }

    package mutating func prepare(for members: [ChannelMember], in graph: Graph, _ context: PassContext) throws {
        activity = try ObservedActivity(of: members, in: graph, context)
    }

    package func knows(_ member: ChannelMember) -> Bool { activity.has(member) }

    package func add(_ member: ChannelMember, to sums: inout [Double]) { activity.add(member, to: &sums, Self.numbers) }
}

/// How active the channels of weights are over calibration data.
package struct ObservedActivity: Sendable {
    private var statistics = Statistics()
    private var places: [ChannelMember.ID: (value: ValueName, axis: Int, channels: [Int?])] = [:]

    init() {}

    init(of members: [ChannelMember], in graph: Graph, _ context: PassContext) throws {
        let index = GraphIndex(graph)
        for member in members {
            guard let place = member.activation(in: index) else { continue }
            places[member.id] = place
            let activity = ChannelActivity(axis: place.axis, extent: place.channels.count)
            statistics.request(activity, of: place.value, key: "\(place.axis)")
        }
        guard !statistics.isEmpty else { return }
        try statistics.gather(in: graph, context: context)
    }

    func has(_ member: ChannelMember) -> Bool { places[member.id] != nil }

    /// Adds for each channel the mean of what `numbers` gives for its places.
    func add(_ member: ChannelMember, to sums: inout [Double], _ numbers: (ChannelActivity) -> [Double]) {
        guard let (value, axis, channels) = places[member.id],
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
}
