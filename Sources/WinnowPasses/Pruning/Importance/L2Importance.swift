/// √Σw² over the weights that make a channel.
package struct L2Importance: WeightChannelImportance {
    package static let name = "l2"

    package init() {}

    package func add(_ channels: [[Double]], to sums: inout [Double]) {
        for (channel, numbers) in channels.enumerated() { for number in numbers { sums[channel] += number * number } }
    }

    package func scores(of sums: [Double]) -> [Double] { sums.map { $0.squareRoot() } }
}
