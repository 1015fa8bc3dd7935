/// Σ_j ‖F_i − F_j‖₂ over all channels of the same weight: what lies near the geometric median is what others can replace
/// (FPGM; He et al. 2019, equation 5). Of weights that count as one F_i holds the numbers of all.
package struct GeometricMedianImportance: WeightChannelImportance {
    package static let name = "fpgm"

    package init() {}

    package func scores(of members: [ChannelMember]) -> [Double] {
        guard let first = members.first else { return [] }
        var channels = first.numbers
        for member in members.dropFirst() {
            for (channel, numbers) in member.numbers.enumerated() { channels[channel] += numbers }
        }
        var sums = [Double](repeating: 0, count: channels.count)
        add(channels, to: &sums)
        return sums
    }

    package func add(_ channels: [[Double]], to sums: inout [Double]) {
        for first in channels.indices {
            for second in channels.indices where second > first && channels[first].count == channels[second].count {
                var square = 0.0
                for index in channels[first].indices {
                    let difference = channels[first][index] - channels[second][index]
                    square += difference * difference
                }
                sums[first] += square.squareRoot()
                sums[second] += square.squareRoot()
            }
        }
    }
}
