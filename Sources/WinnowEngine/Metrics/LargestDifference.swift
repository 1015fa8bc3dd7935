/// The largest difference of an element to the original's.
package struct LargestDifference: Distance {
    package static let name = "largest difference"
    package static let isHigherBetter = false
    package static let isPart: Bool? = false
    package var sums = PairSums(forgivesNaN: false)

    package init() {}
    package var value: Double { sums.largest }
}
