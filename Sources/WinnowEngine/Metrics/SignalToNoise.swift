/// 10·log₁₀ of the original output's energy over that of the difference.
package struct SignalToNoise: Distance {
    package static let name = "SQNR"
    package static let unit = "dB"
    package var sums = PairSums(forgivesNaN: false)

    package init() {}
    package var value: Double { sums.decibels }
}
