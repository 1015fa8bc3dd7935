/// The length of the difference over the length of the original output.
package struct RelativeError: Distance {
    package static let name = "relative error"
    package static let isHigherBetter = false
    package static let isPart: Bool? = true
    package var sums = PairSums(forgivesNaN: false)

    package init() {}
    package var value: Double { sums.relativeError }
}
