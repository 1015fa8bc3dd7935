/// Σw² of a channel / Σ of those of its group's channels that are not smaller: comparable between groups (Lee et al. 2021,
/// equation 3, for channels in the place of weights).
package struct LAMPChannelImportance: WeightChannelImportance {
    package static let name = "lamp"

    package init() {}

    package func add(_ channels: [[Double]], to sums: inout [Double]) { L2Importance().add(channels, to: &sums) }

    package func scores(of sums: [Double]) -> [Double] {
        var (scores, total) = (sums, 0.0)
        for channel in sums.indices.sorted(by: { sums[$0] != sums[$1] ? sums[$0] > sums[$1] : $0 > $1 }) {
            total += sums[channel]
            scores[channel] = total > 0 ? sums[channel] / total : 0
        }
        return scores
    }
}
