/// Σ|w| over the weights that make a channel (Li et al. 2017, section 3.1).
package struct L1Importance: WeightChannelImportance {
    package static let name = "l1"

    package init() {}

    package func add(_ channels: [[Double]], to sums: inout [Double]) {
        for (channel, numbers) in channels.enumerated() { for number in numbers { sums[channel] += number.magnitude } }
    }
}
